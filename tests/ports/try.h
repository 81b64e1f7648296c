/* SPDX-License-Identifier: MIT */
/* try.h - calls in a life in which one step of the host fails */
#ifndef TESTS_PORTS_TRY_H
#define TESTS_PORTS_TRY_H

#include <string.h>

#include "ports/test/test.h"

/* What a call says in which the step failed. */
static inline int try_error(struct uiommu_test *test)
{
	return strstr(uiommu_test_failed(test), "irq_request") ? -UIOMMU_ENOSPC : -UIOMMU_ENOMEM;
}

/* 0, or the step failed in this call, which says so and has changed nothing; then once more. */
#define TRY(test, call)                                                                         \
	do {                                                                                    \
		bool before = uiommu_test_failed(test);                                         \
		int rc = (call);                                                                \
		bool now = !before && uiommu_test_failed(test);                                 \
                                                                                                \
		if (rc && !now)                                                                 \
			fail_msg(#call " says %d, but nothing failed in it", rc);               \
		if (rc && rc != try_error(test))                                                \
			fail_msg(#call " says %d when %s fails", rc, uiommu_test_failed(test)); \
		if (rc && (rc = (call)))                                                        \
			fail_msg(#call " says %d the second time, after %s failed", rc,         \
				 uiommu_test_failed(test));                                     \
	} while (0)

#endif
