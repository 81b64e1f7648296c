/* SPDX-License-Identifier: MIT */
/* table.c - every scenario, in the order in which they are listed and run */
#include "conform/conform.h"

const struct conform_scenario *const conform_tables[] = {
	conform_smoke,	      conform_registration,   conform_groups,	      conform_mixed,
	conform_topology,     conform_default_domain, conform_attach,	      conform_pasid,
	conform_pasid_orders, conform_mapping,	      conform_device_tlb,     conform_dirty,
	conform_races_probe,  conform_races_attach,   conform_races_map,      conform_nested,
	conform_reset,	      conform_faults,	      conform_faults_device,  conform_sva,
	conform_iommufd,      conform_iommufd_ioas,   conform_iommufd_memory, conform_iommufd_pasid,
	conform_sysfs_type,   conform_vfio_type1,     conform_vfio_groups,    conform_vfio_life,
	conform_vfio_races,   conform_vfio_none,      conform_vfio_mediated,  NULL,
	conform_smoke,	      conform_registration,   conform_groups,	      conform_mixed,
	conform_topology,     conform_default_domain, conform_attach,	      conform_pasid,
	conform_pasid_orders, conform_mapping,	      conform_device_tlb,     conform_dirty,
	conform_races_probe,  conform_races_attach,   conform_races_map,      conform_nested,
	conform_reset,	      conform_faults,	      conform_faults_device,  conform_sva,
	conform_iommufd,      conform_iommufd_memory, conform_iommufd_pasid,  conform_sysfs_type,
	conform_vfio_type1,   conform_vfio_groups,    conform_vfio_life,      conform_vfio_races,
	conform_vfio_none,    conform_vfio_mediated,  conform_platform,	      NULL,
};
