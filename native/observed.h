/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_OBSERVED_H
#define STEELYARD_OBSERVED_H

#include <stdbool.h>

#include "address.h"
#include "table.h"

/**
 * DOC: Addresses that nobody here answers for, and of which the owner wants to
 * know whether another host has them.
 */

/** observed_add() - Return: 1 if it was added, 0 if it was there already, or -ENOMEM. */
int observed_add(struct table *observed, uint32_t port, const struct address *address);

/** observed_remove() - Return: true if it was there. */
bool observed_remove(struct table *observed, uint32_t port, const struct address *address);

/** observed_free() - free the table and all that is in it. */
void observed_free(struct table *observed);

#endif
