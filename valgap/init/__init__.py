"""`valgap init`: looks at a folder of images and a builder, and writes the params.yaml of an experiment on them.

photos     what the folder holds: images, splits, classes, sizes, colour, doubted labels
grouping   patients, cameras, sessions, as far as file names tell
sizing     image size, split, batch: what suits so many images
arms       the variants that may speak for or against each cause
networks   in worker processes: which arms bite on the network, and what they cost here
fitting    which of them, how many replicates and how long, within the budget
writing    the file
command    from one to the other, and the plan
"""
