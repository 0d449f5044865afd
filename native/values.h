/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_VALUES_H
#define STEELYARD_VALUES_H

#include <node_api.h>
#include <stddef.h>

#include "engine.h"
#include "interfaces.h"

/**
 * DOC: What the engine tells, as JavaScript values.
 *
 * The types are written down in src/link/native-addon.ts. Each function copies;
 * each returns NULL when Node-API refused, perhaps with an exception pending.
 */

/** TRY() - leave the calling function with NULL when a Node-API call failed. */
#define TRY(call)                      \
	do {                           \
		if ((call) != napi_ok) \
			return NULL;   \
	} while (0)

/** value_of_news() - Return: { events, dropped, interfacesChanged }. */
napi_value value_of_news(napi_env env, const struct engine_news *news);

/** value_of_interfaces() - Return: an array with one object an interface. */
napi_value value_of_interfaces(napi_env env, const struct interfaces *all);

/** value_of_stats() - Return: an array with one object an address and interface. */
napi_value value_of_stats(napi_env env, const struct address_stats *stats, size_t count);

#endif
