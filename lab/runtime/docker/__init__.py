"""The Docker back end: the engine, its images, and the containers that take the place of namespaces."""
