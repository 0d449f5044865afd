/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: The engine's thread and its owner at once, for the sanitizers to watch.
 *
 * Usage: engine_test SEED SECONDS, in a network namespace of its own. The owner
 * answers, announces, withdraws, looks for others and reads at random, as fast as it can, on
 * interfaces that it also takes down, deletes and makes again, while a third
 * thread floods the first one with requests and claims.
 */
#include "engine.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../native/check.h"
#include "../native/frames.h"
#include "../native/ndp_frames.h"

#define INTERFACES 4
#define ADDRESSES 300

static const char *const names[INTERFACES] = { "lan0", "lan1", "lan2", "absent" };

static struct engine *engine;
static uint64_t state;
/* What must be answered now, by interface and number of the address. */
static bool answered[INTERFACES][ADDRESSES];
static size_t answered_count;
static atomic_int notified;
static atomic_bool over;

static uint64_t below(uint64_t limit)
{
	return random_next(&state) % limit;
}

static void on_notify(void *context)
{
	(void)context;
	atomic_fetch_add(&notified, 1);
}

static void shell(const char *format, const char *name)
{
	char command[160];

	snprintf(command, sizeof(command), format, name, name, name, name);
	CHECK(system(command) == 0);
}

static void add_interface(const char *name)
{
	shell("ip link add %s type veth peer name %s-far && ip link set %s up && "
	      "ip link set %s-far up",
	      name);
}

static void write_ipv4(uint8_t *bytes, uint64_t key)
{
	memcpy(bytes, (uint8_t[]){ 192, 0, (uint8_t)(2 + (key >> 8)), (uint8_t)key }, 4);
}

static void write_ipv6(uint8_t *bytes, uint64_t key)
{
	memcpy(bytes, service_address6, 14);
	bytes[14] = (uint8_t)(key >> 8);
	bytes[15] = (uint8_t)key;
}

/* Every other address is of the other family. */
static struct address address_of(uint64_t key)
{
	struct address address;
	uint32_t ipv4;

	if (key % 2) {
		write_ipv6(address.bytes, key);
		return address;
	}
	write_ipv4((uint8_t *)&ipv4, key);
	return address_from_ipv4(ipv4);
}

/* A request for an address, or a claim by a host that it is @claimed. Return: the frame's length. */
static size_t make_arp(uint8_t *frame, uint64_t key, const uint64_t *claimed)
{
	memcpy(frame, request_frame, sizeof(request_frame));
	write_ipv4(frame + 38, key);
	if (claimed)
		write_ipv4(frame + 28, *claimed);
	return sizeof(request_frame);
}

static size_t make_ndp(uint8_t *frame, uint64_t key, const uint64_t *claimed)
{
	memcpy(frame, solicitation_frame, sizeof(solicitation_frame));
	write_ipv6(frame + AT_TARGET, key);
	memcpy(frame + AT_DESTINATION + 13, frame + AT_TARGET + 13, 3);
	memcpy(frame + 3, frame + AT_TARGET + 13, 3);
	if (claimed)
		write_ipv6(frame + AT_SOURCE, *claimed);
	put_checksum(frame);
	return sizeof(solicitation_frame);
}

/* Requests and claims for random addresses out of the far end of the first interface, while it is there. */
static void *flood(void *argument)
{
	uint64_t own_state = 7;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	(void)argument;
	CHECK(fd >= 0);
	while (!atomic_load(&over)) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET };
		uint8_t frame[sizeof(solicitation_frame)];
		uint64_t random = random_next(&own_state);
		uint64_t claimed = (random >> 16) % ADDRESSES;
		size_t length = (random >> 32 & 1 ? make_ndp : make_arp)(
			frame, random % ADDRESSES, random >> 60 == 0 ? &claimed : NULL);

		to.sll_ifindex = (int)if_nametoindex("lan0-far");
		/* The interface may be away just now. */
		if (sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			usleep(100);
	}
	close(fd);
	return NULL;
}

/* Publishes or withdraws a random stretch of addresses on a random interface. */
static void change_table(void)
{
	uint64_t interface = below(INTERFACES);
	uint64_t first = below(ADDRESSES);
	size_t count = below(ADDRESSES - first + 1);
	struct address addresses[ADDRESSES];
	bool answer = below(2);

	for (size_t i = 0; i < count; i++) {
		bool *one = &answered[interface][first + i];

		addresses[i] = address_of(first + i);
		answered_count += (size_t)answer - (size_t)*one;
		*one = answer;
	}
	if (!answer && below(2)) {
		CHECK(engine_watch(engine, names[interface], addresses, count) == 0);
		return;
	}
	if (!answer) {
		engine_withdraw(engine, names[interface], addresses, count);
		return;
	}
	CHECK(engine_answer(engine, names[interface], addresses, count) == 0);
	if (below(2))
		engine_announce(engine, names[interface], addresses, count);
}

/* Looks for other hosts that have a random stretch of addresses, or defends it. */
static void watch_claims(void)
{
	const char *interface = names[below(INTERFACES)];
	uint64_t first = below(ADDRESSES);
	size_t count = below(ADDRESSES - first + 1);
	struct address addresses[ADDRESSES];

	for (size_t i = 0; i < count; i++)
		addresses[i] = address_of(first + i);
	switch (below(4)) {
	case 0:
		CHECK(engine_observe(engine, interface, addresses, count) == 0);
		break;
	case 1:
		engine_ignore(engine, interface, addresses, count);
		break;
	case 2:
		engine_inquire(engine, interface, addresses, count);
		break;
	default:
		engine_defend(engine, interface, addresses, count);
	}
}

/* Return: how many replies were sent for the addresses that are answered now. */
static uint64_t read_everything(void)
{
	static struct engine_news news;
	struct address_stats *stats;
	struct interfaces all;
	uint64_t replies = 0;
	size_t count;

	engine_take(engine, &news);
	engine_set_gateways(engine, (struct address[]){ address_of(below(ADDRESSES)) }, below(2));
	engine_set_refresh(engine, below(2) * 1000000);
	CHECK(engine_copy_interfaces(engine, &all) == 0);
	CHECK(interfaces_by_name(&all, "lo") != NULL);
	interfaces_free(&all);
	CHECK(engine_stats(engine, &stats, &count) == 0);
	CHECK(count == answered_count);
	for (size_t i = 0; i < count; i++)
		replies += stats[i].replies_sent;
	free(stats);
	return replies;
}

static void change_interface(void)
{
	static bool down[INTERFACES], gone[INTERFACES];
	uint64_t i = below(INTERFACES - 1);

	if (gone[i]) {
		add_interface(names[i]);
		gone[i] = false;
		down[i] = false;
	} else if (below(2)) {
		shell("ip link del %s", names[i]);
		gone[i] = true;
	} else {
		shell(down[i] ? "ip link set %s up" : "ip link set %s down", names[i]);
		down[i] = !down[i];
	}
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int main(int argc, char **argv)
{
	const char *failed_call;
	uint64_t replies = 0;
	pthread_t flooding;
	time_t end;
	int rounds = 0;

	CHECK(argc == 3);
	state = strtoull(argv[1], NULL, 10) * 2 + 1;
	end = seconds_now() + atoi(argv[2]);
	for (int i = 0; i < INTERFACES - 1; i++)
		add_interface(names[i]);
	CHECK(engine_create(&engine, on_notify, NULL, &failed_call) == 0);
	CHECK(pthread_create(&flooding, NULL, flood, NULL) == 0);
	for (; seconds_now() < end; rounds++) {
		change_table();
		watch_claims();
		replies += read_everything();
		if (rounds % 100 == 99)
			change_interface();
	}
	atomic_store(&over, true);
	pthread_join(flooding, NULL);
	engine_destroy(engine);
	CHECK(replies > 0);
	CHECK(atomic_load(&notified) > 0);
	printf("%d tables published\n", rounds);
	return 0;
}
