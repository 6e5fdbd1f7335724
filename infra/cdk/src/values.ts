// Checks the values of parameters as CloudFormation would. CfnInclude puts a value in the place of its parameter, so
// CloudFormation itself never sees the value beside its limits.

import { Token } from 'aws-cdk-lib';
import type { WebhooksParameters } from './parameters.js';
import type { Parameter } from './template.js';

/**
 * Gives the values by the parameters' names in the template. Throws at a value that the template does not allow, and at a
 * property that the template has no parameter for, such as one of another release.
 */
export function checkedValues(
  given: WebhooksParameters,
  parameters: Record<string, Parameter>,
): Record<string, string | number> {
  const values: Record<string, string | number> = {};
  for (const [property, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const name = property.charAt(0).toUpperCase() + property.slice(1);
    const parameter = parameters[name];
    if (parameter === undefined) throw new Error(`${property}: the template has no parameter ${name}`);
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
