/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: Node-API in front of engine.h: translation only.
 *
 * JavaScript holds an engine as an external value. It ends with close(), or
 * with the environment (process or worker) that opened it, whichever is first.
 */
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "values.h"

/* struct handle - what the external value points to; freed with it. */
struct handle {
	/* NULL once closed. */
	struct engine *engine;
	napi_threadsafe_function notify;
	napi_env env;
};

static const napi_type_tag handle_tag = { 0x5e1f0c35a7d94b12, 0x9b6a3d1e40c87f25 };

#define MAX_ARGUMENTS 3

/* TypeScript gives the error number its name and its explanation. */
static napi_value throw_system_error(napi_env env, const char *call, int error)
{
	napi_value text, exception, number;

	TRY(napi_create_string_utf8(env, call, NAPI_AUTO_LENGTH, &text));
	TRY(napi_create_error(env, NULL, text, &exception));
	TRY(napi_create_int32(env, -error, &number));
	TRY(napi_set_named_property(env, exception, "syscall", text));
	TRY(napi_set_named_property(env, exception, "errno", number));
	napi_throw(env, exception);
	return NULL;
}

static void end(struct handle *handle)
{
	if (!handle->engine)
		return;
	engine_destroy(handle->engine);
	handle->engine = NULL;
	napi_release_threadsafe_function(handle->notify, napi_tsfn_abort);
}

static void on_environment_end(void *data)
{
	end(data);
}

static void close_handle(struct handle *handle)
{
	if (!handle->engine)
		return;
	napi_remove_env_cleanup_hook(handle->env, on_environment_end, handle);
	end(handle);
}

static void on_collected(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	close_handle(data);
	free(data);
}

/* On the engine's thread. A full or closing queue is fine: the owner is awake, or going. */
static void on_notify(void *context)
{
	struct handle *handle = context;

	napi_call_threadsafe_function(handle->notify, NULL, napi_tsfn_nonblocking);
}

/* Reads the arguments; the first is the handle of an open engine. Return: it, or NULL with an exception pending. */
static struct handle *read_arguments(napi_env env, napi_callback_info info,
				     napi_value arguments[MAX_ARGUMENTS])
{
	size_t count = MAX_ARGUMENTS;
	bool is_handle = false;
	void *data;

	TRY(napi_get_cb_info(env, info, &count, arguments, NULL, NULL));
	if (napi_check_object_type_tag(env, arguments[0], &handle_tag, &is_handle) != napi_ok ||
	    !is_handle || napi_get_value_external(env, arguments[0], &data) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "The first argument is no engine");
		return NULL;
	}
	if (!((struct handle *)data)->engine) {
		napi_throw_error(env, "ERR_CLOSED", "The engine is closed");
		return NULL;
	}
	return data;
}

/* open(notify): starts an engine; notify is called without arguments when take() has something. */
static napi_value open_engine(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value callback, name, external;
	struct handle *handle;
	const char *failed_call;
	int error;

	TRY(napi_get_cb_info(env, info, &count, &callback, NULL, NULL));
	TRY(napi_create_string_utf8(env, "steelyard-link", NAPI_AUTO_LENGTH, &name));
	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return throw_system_error(env, "calloc", ENOMEM);
	handle->env = env;
	if (napi_create_external(env, handle, on_collected, NULL, &external) != napi_ok) {
		free(handle);
		return NULL;
	}
	TRY(napi_type_tag_object(env, external, &handle_tag));
	if (napi_create_threadsafe_function(env, callback, NULL, name, 1, 1, NULL, NULL, NULL, NULL,
					    &handle->notify) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "open() needs a function");
		return NULL;
	}
	napi_unref_threadsafe_function(env, handle->notify);
	error = engine_create(&handle->engine, on_notify, handle, &failed_call);
	if (error < 0) {
		napi_release_threadsafe_function(handle->notify, napi_tsfn_abort);
		return throw_system_error(env, failed_call, -error);
	}
	napi_add_env_cleanup_hook(env, on_environment_end, handle);
	return external;
}

/* close(engine): ends the thread and waits for it. */
static napi_value close_engine(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);

	if (handle)
		close_handle(handle);
	return NULL;
}

/* struct addresses_call - the arguments (engine, interface: string, addresses: Uint8Array) that four functions share. */
struct addresses_call {
	struct engine *engine;
	char interface[IFNAMSIZ];
	const struct address *addresses;
	size_t count;
};

static bool read_addresses(napi_env env, napi_value value, const struct address **addresses,
			   size_t *count)
{
	napi_typedarray_type type;
	size_t bytes;
	void *data;

	if (napi_get_typedarray_info(env, value, &type, &bytes, &data, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array || bytes % ADDRESS_LENGTH != 0) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE",
				      "Addresses are sixteen bytes each in one Uint8Array");
		return false;
	}
	*addresses = data;
	*count = bytes / ADDRESS_LENGTH;
	return true;
}

static bool read_addresses_call(napi_env env, napi_callback_info info, struct addresses_call *call)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	size_t length;

	if (!handle)
		return false;
	call->engine = handle->engine;
	if (napi_get_value_string_utf8(env, arguments[1], NULL, 0, &length) != napi_ok ||
	    length == 0 || length >= IFNAMSIZ ||
	    napi_get_value_string_utf8(env, arguments[1], call->interface, IFNAMSIZ, NULL) !=
		    napi_ok) {
		napi_throw_range_error(env, "ERR_OUT_OF_RANGE",
				       "An interface name has 1 to 15 bytes");
		return false;
	}
	return read_addresses(env, arguments[2], &call->addresses, &call->count);
}

static napi_value answer(napi_env env, napi_callback_info info)
{
	struct addresses_call call;
	int error;

	if (!read_addresses_call(env, info, &call))
		return NULL;
	error = engine_answer(call.engine, call.interface, call.addresses, call.count);
	return error < 0 ? throw_system_error(env, "calloc", -error) : NULL;
}

static napi_value watch(napi_env env, napi_callback_info info)
{
	struct addresses_call call;
	int error;

	if (!read_addresses_call(env, info, &call))
		return NULL;
	error = engine_watch(call.engine, call.interface, call.addresses, call.count);
	return error < 0 ? throw_system_error(env, "calloc", -error) : NULL;
}

static napi_value withdraw(napi_env env, napi_callback_info info)
{
	struct addresses_call call;

	if (read_addresses_call(env, info, &call))
		engine_withdraw(call.engine, call.interface, call.addresses, call.count);
	return NULL;
}

static napi_value observe(napi_env env, napi_callback_info info)
{
	struct addresses_call call;
	int error;

	if (!read_addresses_call(env, info, &call))
		return NULL;
	error = engine_observe(call.engine, call.interface, call.addresses, call.count);
	return error < 0 ? throw_system_error(env, "calloc", -error) : NULL;
}

static napi_value ignore(napi_env env, napi_callback_info info)
{
	struct addresses_call call;

	if (read_addresses_call(env, info, &call))
		engine_ignore(call.engine, call.interface, call.addresses, call.count);
	return NULL;
}

static napi_value inquire(napi_env env, napi_callback_info info)
{
	struct addresses_call call;

	if (read_addresses_call(env, info, &call))
		engine_inquire(call.engine, call.interface, call.addresses, call.count);
	return NULL;
}

static napi_value defend(napi_env env, napi_callback_info info)
{
	struct addresses_call call;

	if (read_addresses_call(env, info, &call))
		engine_defend(call.engine, call.interface, call.addresses, call.count);
	return NULL;
}

static napi_value announce(napi_env env, napi_callback_info info)
{
	struct addresses_call call;

	if (read_addresses_call(env, info, &call))
		engine_announce(call.engine, call.interface, call.addresses, call.count);
	return NULL;
}

/* setGateways(engine, addresses: Uint8Array) */
static napi_value set_gateways(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	const struct address *addresses;
	size_t count;

	if (handle && read_addresses(env, arguments[1], &addresses, &count))
		engine_set_gateways(handle->engine, addresses, count);
	return NULL;
}

/* setRefresh(engine, seconds: number): 0 for never. */
static napi_value set_refresh(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	uint32_t seconds;

	if (!handle)
		return NULL;
	if (napi_get_value_uint32(env, arguments[1], &seconds) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "An interval is in seconds");
		return NULL;
	}
	engine_set_refresh(handle->engine, seconds * 1000000000ull);
	return NULL;
}

/* take(engine): the news, as { events, dropped, interfacesChanged }. */
static napi_value take(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	struct engine_news news;

	if (!handle)
		return NULL;
	engine_take(handle->engine, &news);
	return value_of_news(env, &news);
}

/* interfaces(engine): the picture of now. */
static napi_value copy_interfaces(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	struct interfaces all;
	napi_value result;
	int error;

	if (!handle)
		return NULL;
	error = engine_copy_interfaces(handle->engine, &all);
	result = error < 0 ? throw_system_error(env, "calloc", -error) : value_of_interfaces(env, &all);
	interfaces_free(&all);
	return result;
}

/* stats(engine): counters of every address. */
static napi_value copy_stats(napi_env env, napi_callback_info info)
{
	napi_value arguments[MAX_ARGUMENTS];
	struct handle *handle = read_arguments(env, info, arguments);
	struct address_stats *stats;
	napi_value result;
	size_t count;
	int error;

	if (!handle)
		return NULL;
	error = engine_stats(handle->engine, &stats, &count);
	if (error < 0)
		return throw_system_error(env, "calloc", -error);
	result = value_of_stats(env, stats, count);
	free(stats);
	return result;
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{ .utf8name = "open", .method = open_engine, .attributes = napi_enumerable },
		{ .utf8name = "close", .method = close_engine, .attributes = napi_enumerable },
		{ .utf8name = "answer", .method = answer, .attributes = napi_enumerable },
		{ .utf8name = "withdraw", .method = withdraw, .attributes = napi_enumerable },
		{ .utf8name = "announce", .method = announce, .attributes = napi_enumerable },
		{ .utf8name = "observe", .method = observe, .attributes = napi_enumerable },
		{ .utf8name = "ignore", .method = ignore, .attributes = napi_enumerable },
		{ .utf8name = "inquire", .method = inquire, .attributes = napi_enumerable },
		{ .utf8name = "defend", .method = defend, .attributes = napi_enumerable },
		{ .utf8name = "watch", .method = watch, .attributes = napi_enumerable },
		{ .utf8name = "setGateways", .method = set_gateways, .attributes = napi_enumerable },
		{ .utf8name = "setRefresh", .method = set_refresh, .attributes = napi_enumerable },
		{ .utf8name = "take", .method = take, .attributes = napi_enumerable },
		{ .utf8name = "interfaces", .method = copy_interfaces, .attributes = napi_enumerable },
		{ .utf8name = "stats", .method = copy_stats, .attributes = napi_enumerable },
	};

	TRY(napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]),
				   functions));
	return exports;
}
