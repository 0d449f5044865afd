/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: The engine's thread and its owner at once, for the sanitizers to watch.
 *
 * Usage: engine_test INTERFACE ROUNDS. The owner changes, announces, reads and
 * takes as fast as it can, while the interface goes down and up and frames of
 * the test arrive.
 */
#include "engine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../native/check.h"

#define ADDRESSES 300

static atomic_int notified;

static void on_notify(void *context)
{
	(void)context;
	atomic_fetch_add(&notified, 1);
}

static void read_everything(struct engine *engine, size_t expected)
{
	static struct engine_news news;
	struct address_stats *stats;
	struct interfaces all;
	size_t count;

	engine_take(engine, &news);
	CHECK(engine_copy_interfaces(engine, &all) == 0);
	CHECK(interfaces_by_name(&all, "lo") != NULL);
	interfaces_free(&all);
	CHECK(engine_stats(engine, &stats, &count) == 0);
	CHECK(count == expected);
	free(stats);
}

static void flap(const char *interface, const char *state)
{
	char command[80];

	snprintf(command, sizeof(command), "ip link set %s %s", interface, state);
	CHECK(system(command) == 0);
}

int main(int argc, char **argv)
{
	static uint8_t addresses[ADDRESSES * 4];
	const char *failed_call;
	struct engine *engine;

	CHECK(argc == 3);
	for (int i = 0; i < ADDRESSES; i++)
		memcpy(addresses + 4 * i, (uint8_t[]){ 10, 1, (uint8_t)(i >> 8), (uint8_t)i }, 4);
	CHECK(engine_create(&engine, on_notify, NULL, &failed_call) == 0);
	for (int i = 0; i < atoi(argv[2]); i++) {
		CHECK(engine_answer(engine, argv[1], addresses, ADDRESSES) == 0);
		engine_announce(engine, argv[1], addresses, ADDRESSES);
		read_everything(engine, ADDRESSES);
		if (i % 50 == 25)
			flap(argv[1], "down");
		if (i % 50 == 49)
			flap(argv[1], "up");
		engine_withdraw(engine, argv[1], addresses, ADDRESSES);
		read_everything(engine, 0);
	}
	engine_destroy(engine);
	CHECK(atomic_load(&notified) > 0);
	return 0;
}
