// The template as `sam build` or `make package` has written it, made ready for CfnInclude.
//
// CfnInclude turns each resource into a CDK class and checks its properties. The class of AWS::Serverless::Function
// refuses properties that SAM takes, such as a DestinationConfig without OnSuccess, so the functions are included under
// a type that the CDK does not know. The construct gives them their type back.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';

export const FUNCTION = 'AWS::Serverless::Function';
const UNCHECKED_FUNCTION = 'AWS::Serverless::UncheckedFunction';

/** A parameter, with the limits of its values. */
export interface Parameter {
  readonly AllowedValues?: readonly (string | number)[];
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly ConstraintDescription?: string;
}

interface Resource {
  Type: string;
  readonly Properties?: Record<string, unknown>;
}

interface Template {
  readonly Metadata?: Record<string, unknown>;
  readonly Parameters: Record<string, Parameter>;
  readonly Resources: Record<string, Resource>;
}

/** A template that has been read. */
export class BuiltTemplate {
  readonly parameters: Record<string, Parameter>;
  /** The folder or zip of each function's code, by the function's logical id. */
  readonly code = new Map<string, string>();
  private readonly template: Template;

  /** Reads a template, and throws if its functions are not built. */
  constructor(path: string) {
    const document = parseDocument(readFileSync(path, 'utf8'));
    // A template that is not built has CloudFormation's tags, such as !Ref, and its CodeUri are folders of sources.
    if (document.errors.length > 0 || document.warnings.length > 0) {
      throw new Error(`${path} is not a template that sam build or make package has written`);
    }
    this.template = document.toJS() as Template;
    this.parameters = this.template.Parameters;
    // The console's form for parameters, which would name parameters that the app has given a value.
    delete this.template.Metadata?.['AWS::CloudFormation::Interface'];
    for (const [id, resource] of Object.entries(this.template.Resources)) {
      if (resource.Type === FUNCTION) {
        this.code.set(id, resolve(dirname(path), String(resource.Properties?.['CodeUri'])));
        resource.Type = UNCHECKED_FUNCTION;
      }
    }
  }

  /** Calls `use` with the path of a copy that CfnInclude can read. The copy is removed afterwards. */
  withCopy<T>(use: (path: string) => T): T {
    const folder = mkdtempSync(join(tmpdir(), 'prosaas-webhooks-'));
    try {
      const path = join(folder, 'template.json');
      writeFileSync(path, JSON.stringify(this.template));
      return use(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
