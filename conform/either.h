/* SPDX-License-Identifier: MIT */
/* either.h - the user ABI's texts of rules that are also about the C API (CONFORM_KAPI | CONFORM_UAPI) */
#ifndef CONFORM_EITHER_H
#define CONFORM_EITHER_H

#include "conform/conform.h"

void iommufd_pasid_arguments(struct subject *s); /* C100 */
void iommufd_fault_file(struct subject *s); /* C129 */
void iommufd_fault_replace(struct subject *s); /* C130 */
void iommufd_coherency(struct subject *s); /* C170 */
void iommufd_dirty_flag(struct subject *s); /* C172 */
void iommufd_nested_parents(struct subject *s); /* C179 */
void iommufd_nested_array(struct subject *s); /* C181 */

#endif /* CONFORM_EITHER_H */
