/* SPDX-License-Identifier: MIT */
/* saboteur.c - all saboteurs, and how one gets into its places */
#include "conform/saboteur.h"

#include <stdlib.h>

const struct conform_saboteur *const conform_saboteur_tables[] = {
	conform_saboteurs_operations, conform_saboteurs_smmuv3,
	conform_saboteurs_vtd,	      conform_saboteurs_virtio,
	conform_saboteurs_groups,     conform_saboteurs_requests,
	conform_saboteurs_uapi,	      NULL,
};

/* What an access finds; lives as long as the process, which runs this one saboteur. */
struct installed {
	struct subject *subject;
	void *state;
};

static void on_access(struct wrap_access *access, void *context)
{
	const struct installed *i = context;

	i->subject->saboteur->access(access, i->subject, i->state);
}

static void on_relax(void *context)
{
	const struct subject *s = context;
	const struct installed *i = s->sabotage;

	i->subject->saboteur->relax(i->subject, i->state);
}

static void on_group(struct wrap_call *call, void *context)
{
	const struct installed *i = context;

	if (uiommu_device_pci(call->dev))
		call->rc = i->subject->saboteur->group(call->dev, &call->group_out);
	else
		wrap_call(call);
}

void *saboteur_ram(struct subject *s, uint64_t phys)
{
	return uiommu_posix_phys_to_ptr(machine_host(s->machine), phys);
}

void *saboteur_state(struct subject *s)
{
	return ((const struct installed *)s->sabotage)->state;
}

void saboteur_install(struct subject *s)
{
	const struct conform_saboteur *saboteur = s->saboteur;
	struct installed *installed;
	void *state;

	if (!saboteur)
		return;
	state = calloc(1, saboteur->state_size ? saboteur->state_size : 1);
	installed = malloc(sizeof(*installed));
	if (!state || !installed)
		abort();
	*installed = (struct installed){ s, state };
	for (unsigned int i = 0; i < saboteur->num_hooks; i++)
		wrap_set_saboteur(s->wrap, saboteur->hooks[i].op, saboteur->hooks[i].hook, state);
	if (saboteur->access)
		wrap_set_access(s->wrap, on_access, installed);
	if (saboteur->group)
		wrap_set_saboteur(s->wrap, WRAP_GROUP, on_group, installed);
	s->sabotage = installed;
	if (saboteur->relax)
		s->hooks.relax = on_relax;
}
