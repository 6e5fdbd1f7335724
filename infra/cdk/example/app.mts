// An app with the webhooks in one stack and a call service in another. The call service's role may publish calls, and the
// role of the dashboard's backend may read the secret that owners' links are signed with.
//
// The stack keeps the name of `make deploy`, so the app takes over what SAM has deployed.

import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { ProSaasWebhooks } from 'prosaas-webhooks-cdk';

const app = new App();
const template = process.env['WEBHOOKS_TEMPLATE'] ?? '../../../dist/template-arm64.yaml';

const webhooks = new ProSaasWebhooks(new Stack(app, 'prosaas-webhooks'), 'Webhooks', {
  template,
  alarmEmail: 'oncall@example.com',
  maximumConcurrency: 20,
  dashboardOrigin: 'https://app.example.com',
});

const service = new Stack(app, 'call-service');
const tasks = new ServicePrincipal('ecs-tasks.amazonaws.com');
webhooks.grantPublish(new Role(service, 'CallRole', { assumedBy: tasks }));
webhooks.portalSecret.grantRead(new Role(service, 'DashboardRole', { assumedBy: tasks }));
new StringParameter(service, 'EventsQueueUrl', { stringValue: webhooks.eventsQueue.queueUrl });
new StringParameter(service, 'PortalUrl', { stringValue: webhooks.portalUrl });
