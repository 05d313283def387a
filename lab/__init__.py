"""mseelab: an Azure ExpressRoute deployment on one Linux host, with real protocols."""
