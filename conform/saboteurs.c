/* SPDX-License-Identifier: MIT */
/* saboteurs.c - one broken rule each */
#include "conform/saboteur.h"

#include <stddef.h>

static void do_nothing(struct wrap_call *call, void *context)
{
	(void)call;
	(void)context;
}

const struct conform_saboteur conform_saboteurs[] = {
	{ "drop-iotlb-sync",
	  "unmap returns before the IOTLB has forgotten the range",
	  NULL,
	  { { WRAP_SYNC, do_nothing } },
	  1,
	  0 },
	{ 0 },
};
