/* SPDX-License-Identifier: Apache-2.0 */
#include "values.h"

#include <string.h>
#include <sys/socket.h>

static napi_status set_number(napi_env env, napi_value object, const char *name, double number)
{
	napi_value value;
	napi_status status = napi_create_double(env, number, &value);

	return status == napi_ok ? napi_set_named_property(env, object, name, value) : status;
}

static napi_status set_text(napi_env env, napi_value object, const char *name, const char *text)
{
	napi_value value;
	napi_status status = napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);

	return status == napi_ok ? napi_set_named_property(env, object, name, value) : status;
}

/* Bytes of an address are handed over as they are; TypeScript knows how to spell them. */
static napi_status set_bytes(napi_env env, napi_value object, const char *name, const void *bytes,
			     size_t length)
{
	napi_value buffer, array;
	napi_status status;
	void *data;

	status = napi_create_arraybuffer(env, length, &data, &buffer);
	if (status != napi_ok)
		return status;
	/* No bytes have no place in memory. */
	if (length > 0)
		memcpy(data, bytes, length);
	status = napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &array);
	return status == napi_ok ? napi_set_named_property(env, object, name, array) : status;
}

static napi_value make_event(napi_env env, const struct event *event)
{
	napi_value object;

	TRY(napi_create_object(env, &object));
	TRY(set_number(env, object, "kind", event->kind));
	TRY(set_text(env, object, "interface", event->interface));
	if (event->kind == EVENT_CLAIM) {
		TRY(set_bytes(env, object, "address", &event->address, sizeof(event->address)));
		TRY(set_bytes(env, object, "mac", event->mac, sizeof(event->mac)));
		TRY(set_number(env, object, "tells", event->tells));
	} else {
		TRY(set_number(env, object, "ethertype", event->ethertype));
	}
	if (event->kind == EVENT_SOCKET_FAILED) {
		TRY(set_number(env, object, "errno", -event->error));
	}
	return object;
}

napi_value value_of_news(napi_env env, const struct engine_news *news)
{
	napi_value result, events, changed;

	TRY(napi_create_object(env, &result));
	TRY(napi_create_array_with_length(env, news->queue.count, &events));
	for (uint32_t i = 0; i < news->queue.count; i++) {
		napi_value event = make_event(env, &news->queue.events[i]);

		if (!event)
			return NULL;
		TRY(napi_set_element(env, events, i, event));
	}
	TRY(napi_get_boolean(env, news->interfaces_changed, &changed));
	TRY(napi_set_named_property(env, result, "events", events));
	TRY(napi_set_named_property(env, result, "interfacesChanged", changed));
	TRY(set_number(env, result, "dropped", (double)news->queue.dropped));
	return result;
}

static napi_value make_addresses(napi_env env, const struct interface *interface)
{
	napi_value array;

	TRY(napi_create_array_with_length(env, interface->address_count, &array));
	for (uint32_t i = 0; i < interface->address_count; i++) {
		const struct interface_address *address = &interface->addresses[i];
		napi_value object;

		TRY(napi_create_object(env, &object));
		TRY(set_bytes(env, object, "bytes", address->bytes,
			      address->family == AF_INET ? 4 : 16));
		TRY(set_number(env, object, "length", address->prefix_length));
		TRY(napi_set_element(env, array, i, object));
	}
	return array;
}

static napi_value make_interface(napi_env env, const struct interface *interface)
{
	napi_value object, addresses = make_addresses(env, interface);

	if (!addresses)
		return NULL;
	TRY(napi_create_object(env, &object));
	TRY(set_text(env, object, "name", interface->name));
	TRY(set_number(env, object, "index", interface->index));
	TRY(set_number(env, object, "flags", interface->flags));
	TRY(set_number(env, object, "master", interface->master));
	TRY(set_text(env, object, "kind", interface->kind));
	TRY(set_number(env, object, "link", interface->link));
	TRY(set_number(env, object, "renewals",
		       (double)interface->carrier_ups + interface->peers_notified));
	TRY(set_bytes(env, object, "mac", interface->mac, interface->has_mac ? MAC_LENGTH : 0));
	TRY(napi_set_named_property(env, object, "addresses", addresses));
	return object;
}

napi_value value_of_interfaces(napi_env env, const struct interfaces *all)
{
	napi_value array;

	TRY(napi_create_array_with_length(env, all->count, &array));
	for (uint32_t i = 0; i < all->count; i++) {
		napi_value object = make_interface(env, &all->items[i]);

		if (!object)
			return NULL;
		TRY(napi_set_element(env, array, i, object));
	}
	return array;
}

static napi_value make_stats(napi_env env, const struct address_stats *stats)
{
	napi_value object;

	TRY(napi_create_object(env, &object));
	TRY(set_bytes(env, object, "address", &stats->address, sizeof(stats->address)));
	TRY(set_text(env, object, "interface", stats->interface));
	TRY(set_number(env, object, "requestsReceived", (double)stats->requests_received));
	TRY(set_number(env, object, "repliesSent", (double)stats->replies_sent));
	TRY(set_number(env, object, "gratuitousSent", (double)stats->gratuitous_sent));
	TRY(set_number(env, object, "directedSent", (double)stats->directed_sent));
	return object;
}

napi_value value_of_stats(napi_env env, const struct address_stats *stats, size_t count)
{
	napi_value array;

	TRY(napi_create_array_with_length(env, count, &array));
	for (uint32_t i = 0; i < count; i++) {
		napi_value object = make_stats(env, &stats[i]);

		if (!object)
			return NULL;
		TRY(napi_set_element(env, array, i, object));
	}
	return array;
}
