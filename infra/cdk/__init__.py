"""The CDK construct's parts that are written in Python: its properties are made from the template."""
