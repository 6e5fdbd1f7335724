// Finds what n8n would silently drop from workflows: a node of a type or version that n8n does not have, and parameters
// that the node's type does not know or would not show. The first argument is the folder of n8n's packages, the others
// are workflows. It prints a line for each find.
const fs = require('node:fs');
const path = require('node:path');

const [packages, ...workflows] = process.argv.slice(2);
const { NodeHelpers } = require(path.join(packages, 'n8n-workflow'));
const types = JSON.parse(fs.readFileSync(path.join(packages, 'n8n-nodes-base/dist/types/nodes.json'), 'utf8'));

function finds(node) {
  const name = node.type.replace(/^n8n-nodes-base\./, '');
  const type = types.find((one) => one.name === name && [one.version].flat().includes(node.typeVersion));
  if (!type) return [`no ${node.type} ${node.typeVersion}`];
  const shown = NodeHelpers.getNodeParameters(type.properties, node.parameters, true, false, node, type);
  const differs = (parameter) => JSON.stringify(shown[parameter]) !== JSON.stringify(node.parameters[parameter]);
  return Object.keys(node.parameters).filter(differs).map((parameter) => `drops ${parameter}`);
}

for (const file of workflows) {
  for (const node of JSON.parse(fs.readFileSync(file, 'utf8')).nodes) {
    for (const find of finds(node)) console.log(`${path.basename(file)}: ${node.name}: ${find}`);
  }
}
