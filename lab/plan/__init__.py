"""What will be built, in network words only; pure: no clock, no chance, no files.

``types`` is the Plan, ``compile`` makes it of a topology by the passes of ``passes/``, ``dump``
shows it, ``render/`` turns parts of it into what daemons read. The modules beside them answer the
questions that several passes ask, each about one thing: ``legs`` about circuits, ``azure`` about
virtual networks and gateways, ``sites`` about the customer, ``gateway_subnet`` about who sits where,
``microsoft_policies`` and ``customer_policies`` about routes.
"""
