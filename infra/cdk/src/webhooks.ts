// ProSaaS webhooks as a CDK construct. The construct includes the SAM template and describes nothing of its own: the
// resources, their properties and their protection from deletion are those of the template.
//
// A stack holds one such construct at most, since the logical ids are those of the template.

import { existsSync } from 'node:fs';
import { type CfnResource, Token } from 'aws-cdk-lib';
import { type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Function, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';
import type { WebhooksParameters } from './parameters.js';
import { BuiltTemplate, FUNCTION } from './template.js';
import { checkedValues } from './values.js';

export type { WebhooksParameters } from './parameters.js';

export interface ProSaasWebhooksProps extends WebhooksParameters {
  /**
   * The template with built functions: a template of `make package`, such as `dist/template-arm64.yaml`, or the one of
   * `sam build`, such as `.aws-sam/deploy/template.yaml`. The functions' code is taken from beside it.
   */
  readonly template: string;
}

/** The stack of `infra/template.yaml`. */
export class ProSaasWebhooks extends Construct {
  /** Where finished calls are published. A publisher needs `grantPublish` and nothing more. */
  readonly eventsQueue: IQueue;
  /** Where events rest whose schedule is spent, and messages that were set aside. */
  readonly deadLetterQueue: IQueue;
  /** One item for each business. Write it with UpdateItem only. */
  readonly settingsTable: ITable;
  /** The ledger: one item for each event. */
  readonly deliveriesTable: ITable;
  /** Tells the operator when an endpoint is failing, paused or recovered. */
  readonly ownerNotices: ITopic;
  /** The topic of all alarms. */
  readonly alarmTopic: ITopic;
  /** The secret behind X-ProSaaS-Signature, for the operator's own receivers. */
  readonly internalSecret: ISecret;
  /** The secret that owners' links are signed with, for the dashboard's backend. It opens every business's page. */
  readonly portalSecret: ISecret;
  /** Where the owner's page and its API are, without a slash at the end. */
  readonly portalUrl: string;
  readonly deliverFunction: IFunction;
  readonly portalFunction: IFunction;
  readonly sweepFunction: IFunction;
  readonly notifyFunction: IFunction;
  /** The included template, for what has no member here. */
  readonly included: CfnInclude;

  constructor(scope: Construct, id: string, props: ProSaasWebhooksProps) {
    super(scope, id);
    const { template: path, ...given } = props;
    const template = new BuiltTemplate(path);
    const parameters = checkedValues(given, template.parameters);
    this.included = template.withCopy(
      // The logical ids stay, so that a stack that SAM has deployed can be taken over with its tables.
      (templateFile) => new CfnInclude(this, 'Template', { templateFile, parameters, preserveLogicalIds: true }),
    );
    for (const [name, path] of template.code) this.giveCode(name, path);

    this.eventsQueue = this.queue('EventsQueue');
    this.deadLetterQueue = this.queue('DeadLetterQueue');
    this.settingsTable = this.table('SettingsTable', { globalIndexes: ['overdue'] });
    this.deliveriesTable = this.table('DeliveriesTable', { localIndexes: ['by_time', 'held'] });
    this.ownerNotices = Topic.fromTopicArn(this, 'OwnerNotices', this.resource('OwnerNotices').ref);
    this.alarmTopic = Topic.fromTopicArn(this, 'AlarmTopic', this.resource('AlarmTopic').ref);
    this.internalSecret = this.secret('InternalSecret');
    this.portalSecret = this.secret('PortalSecret');
    this.portalUrl = this.attribute('Api', 'ApiEndpoint');
    this.deliverFunction = this.function('DeliverFunction');
    this.portalFunction = this.function('PortalFunction');
    this.sweepFunction = this.function('SweepFunction');
    this.notifyFunction = this.function('NotifyFunction');
  }

  /** Allows to publish calls: `sqs:SendMessage` on the events queue, and nothing more. */
  grantPublish(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['sqs:SendMessage'],
      resourceArns: [this.eventsQueue.queueArn],
    });
  }

  private giveCode(name: string, path: string): void {
    if (!existsSync(path)) throw new Error(`${name} is not built: ${path} does not exist`);
    const asset = new Asset(this, `${name}Code`, { path });
    const resource = this.resource(name);
    resource.addOverride('Type', FUNCTION);
    resource.addPropertyOverride('CodeUri', { Bucket: asset.s3BucketName, Key: asset.s3ObjectKey });
  }

  private resource(name: string): CfnResource {
    return this.included.getResource(name);
  }

  private attribute(name: string, attribute: string): string {
    return Token.asString(this.resource(name).getAtt(attribute));
  }

  private queue(name: string): IQueue {
    const queueArn = this.attribute(name, 'Arn');
    return Queue.fromQueueAttributes(this, name, { queueArn, queueUrl: this.resource(name).ref });
  }

  private table(name: string, indexes: { globalIndexes?: string[]; localIndexes?: string[] }): ITable {
    return Table.fromTableAttributes(this, name, { tableArn: this.attribute(name, 'Arn'), ...indexes });
  }

  private secret(name: string): ISecret {
    return Secret.fromSecretCompleteArn(this, name, this.attribute(name, 'Id'));
  }

  private function(name: string): IFunction {
    const functionArn = this.attribute(name, 'Arn');
    return Function.fromFunctionAttributes(this, name, { functionArn, sameEnvironment: true });
  }
}
