// Checks the values of parameters as CloudFormation would. CfnInclude puts a value in the place of its parameter, so
// CloudFormation itself never sees the value beside its limits.

import { Token } from 'aws-cdk-lib';
import type { WebhooksParameters } from './parameters.js';
import type { Parameter } from './template.js';

/** Gives the values by the parameters' names in the template, and throws at a value that the template does not allow. */
export function checkedValues(
  given: WebhooksParameters,
  parameters: Record<string, Parameter>,
): Record<string, string | number> {
  const values: Record<string, string | number> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const property = name.charAt(0).toLowerCase() + name.slice(1);
    const value = given[property as keyof WebhooksParameters];
    if (value === undefined) continue;
    // The value of a token is known at the deployment only.
    if (!Token.isUnresolved(value) && !allows(parameter, value)) {
      throw new Error(`${property}: ${JSON.stringify(value)} ${parameter.ConstraintDescription ?? 'is not allowed'}`);
    }
    values[name] = value;
  }
  return values;
}

function allows(parameter: Parameter, value: string | number): boolean {
  const { AllowedValues, AllowedPattern, MinValue, MaxValue } = parameter;
  return (
    (AllowedValues === undefined || AllowedValues.map(String).includes(String(value))) &&
    (AllowedPattern === undefined || new RegExp(`^(?:${AllowedPattern})$`).test(String(value))) &&
    (MinValue === undefined || Number(value) >= MinValue) &&
    (MaxValue === undefined || Number(value) <= MaxValue)
  );
}
