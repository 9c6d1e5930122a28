"""How often findings are right: faults planted in sets of images, a module a study, beside sets without any."""
