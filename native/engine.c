/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "engine_state.h"

#define FIRST_PICTURE_TIMEOUT_MS 5000

uint64_t engine_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/*
 * A mutex alone would starve the owner during a flood: the thread lets go of it
 * for a microsecond only, which is less than a waiter needs to wake up. Whoever
 * stands in the turnstile is next.
 */
void engine_lock(struct engine *engine)
{
	pthread_mutex_lock(&engine->turnstile);
	pthread_mutex_lock(&engine->lock);
	pthread_mutex_unlock(&engine->turnstile);
}

void engine_unlock(struct engine *engine)
{
	pthread_mutex_unlock(&engine->lock);
}

void engine_wake(struct engine *engine)
{
	uint64_t one = 1;

	/* It fails only when the thread has 2^64 - 2 wake-ups before it, so it is awake. */
	if (write(engine->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* On the groups' thread. */
static void on_groups_told(void *context, uint32_t port, int error)
{
	struct engine *engine = context;
	struct event event = {
		.kind = error ? EVENT_SOCKET_FAILED : EVENT_SOCKET_OPENED,
		.ethertype = ETHERTYPE_OF_IPV6,
		.error = error,
	};

	engine_lock(engine);
	memcpy(event.interface, engine->ports.items[port].name, sizeof(event.interface));
	event_queue_put(&engine->queue, &event);
	engine_unlock(engine);
	engine_wake(engine);
}

static void release(struct engine *engine)
{
	if (engine->groups)
		groups_destroy(engine->groups);
	netlink_close(&engine->netlink);
	ports_close(&engine->ports);
	interfaces_free(&engine->interfaces);
	entries_free(&engine->table);
	observed_free(&engine->observed);
	requester_pool_free(&engine->requesters);
	if (engine->wake_fd >= 0)
		close(engine->wake_fd);
	if (engine->epoll_fd >= 0)
		close(engine->epoll_fd);
	pthread_mutex_destroy(&engine->lock);
	pthread_mutex_destroy(&engine->turnstile);
	free(engine);
}

/* Whoever may ask for an address of a pool could otherwise choose many that make look-ups slow. */
static uint64_t random_seed(void)
{
	uint64_t seed;

	/* Early at boot there may be no randomness yet; then the time has to do. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = engine_now();
	return seed;
}

static int open_descriptors(struct engine *engine, const char **failed_call)
{
	int error;

	*failed_call = "calloc";
	if (requester_pool_init(&engine->requesters) < 0)
		return -ENOMEM;
	*failed_call = "socket(AF_PACKET)";
	error = packet_socket_probe();
	if (error < 0)
		return error;
	*failed_call = "epoll_create1";
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll_fd < 0)
		return -errno;
	*failed_call = "eventfd";
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->wake_fd < 0)
		return -errno;
	*failed_call = "socket(AF_NETLINK)";
	error = netlink_open(&engine->netlink, &engine->interfaces);
	if (error < 0)
		return error;
	*failed_call = "pthread_create";
	error = groups_create(&engine->groups, on_groups_told, engine, random_seed());
	if (error < 0)
		return error;
	*failed_call = "recv(AF_NETLINK)";
	return netlink_wait(&engine->netlink, &engine->interfaces, FIRST_PICTURE_TIMEOUT_MS);
}

/* Signals are for the owner's threads; the new thread inherits a mask that blocks them all. */
static int start_thread(struct engine *engine, const char **failed_call)
{
	sigset_t all, before;
	int error;

	*failed_call = "pthread_create";
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&engine->thread, NULL, engine_run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_setname_np(engine->thread, "steelyard-link");
	return -error;
}

int engine_create(struct engine **out, engine_notify notify, void *context,
		  const char **failed_call)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	int error;

	*failed_call = "calloc";
	if (!engine)
		return -ENOMEM;
	pthread_mutex_init(&engine->turnstile, NULL);
	pthread_mutex_init(&engine->lock, NULL);
	engine->notify = notify;
	engine->context = context;
	engine->wake_fd = -1;
	engine->epoll_fd = -1;
	engine->netlink.fd = -1;
	table_init(&engine->table, random_seed());
	table_init(&engine->observed, random_seed());
	claim_limit_init(&engine->claims, random_seed());
	burst_init(&engine->burst, &burst_announcement);
	burst_init(&engine->directed, &burst_directed);
	interfaces_init(&engine->interfaces);
	packet_batch_init(&engine->received);
	packet_batch_init(&engine->sending);
	error = open_descriptors(engine, failed_call);
	/* The owner looks at the first picture by itself. */
	engine->interfaces.changed = false;
	if (error == 0)
		error = start_thread(engine, failed_call);
	if (error < 0) {
		release(engine);
		return error;
	}
	*out = engine;
	return 0;
}

void engine_destroy(struct engine *engine)
{
	engine_lock(engine);
	engine->stopping = true;
	engine_unlock(engine);
	engine_wake(engine);
	pthread_join(engine->thread, NULL);
	release(engine);
}

void engine_set_gateways(struct engine *engine, const struct address *addresses, size_t count)
{
	struct gateways gateways = { .count = 0 };
	size_t of_ipv4 = 0, of_ipv6 = 0;

	for (size_t i = 0; i < count; i++)
		if ((*(address_is_ipv4(&addresses[i]) ? &of_ipv4 : &of_ipv6))++ < GATEWAYS_MAX)
			gateways.addresses[gateways.count++] = addresses[i];
	engine_lock(engine);
	engine->gateways = gateways;
	engine_unlock(engine);
}

void engine_set_refresh(struct engine *engine, uint64_t interval)
{
	engine_lock(engine);
	burst_set_refresh(&engine->burst, interval);
	engine_unlock(engine);
}

void engine_take(struct engine *engine, struct engine_news *news)
{
	engine_lock(engine);
	news->queue = engine->queue;
	news->interfaces_changed = engine->interfaces.changed;
	engine->queue.count = 0;
	engine->queue.dropped = 0;
	engine->interfaces.changed = false;
	engine->notified = false;
	engine_unlock(engine);
}

int engine_copy_interfaces(struct engine *engine, struct interfaces *to)
{
	int error;

	engine_lock(engine);
	error = interfaces_copy(to, &engine->interfaces);
	engine_unlock(engine);
	return error;
}

/* Return: how many there are. */
static size_t fill_stats(const struct engine *engine, struct address_stats *stats)
{
	size_t count = 0;

	for (size_t i = 0; i < engine->table.capacity; i++) {
		const struct entry *entry = (const struct entry *)engine->table.slots[i];

		if (!entry || !entry->answered)
			continue;
		memcpy(stats->interface, engine->ports.items[entry->key.port].name,
		       sizeof(stats->interface));
		stats->address = entry->key.address;
		stats->requests_received = entry->requests_received;
		stats->replies_sent = entry->replies_sent;
		stats->gratuitous_sent = entry->gratuitous_sent;
		stats->directed_sent = entry->directed_sent;
		stats++;
		count++;
	}
	return count;
}

int engine_stats(struct engine *engine, struct address_stats **stats, size_t *count)
{
	engine_lock(engine);
	*stats = calloc(engine->table.count ? engine->table.count : 1, sizeof(**stats));
	if (*stats)
		*count = fill_stats(engine, *stats);
	engine_unlock(engine);
	return *stats ? 0 : -ENOMEM;
}
