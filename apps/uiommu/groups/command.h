/* SPDX-License-Identifier: MIT */
/* command.h - "uiommu groups": which devices share a group, and why */
#ifndef APPS_GROUPS_COMMAND_H
#define APPS_GROUPS_COMMAND_H

/* The arguments of the command, its name first; the exit status. */
int groups_main(int argc, char **argv);

#endif /* APPS_GROUPS_COMMAND_H */
