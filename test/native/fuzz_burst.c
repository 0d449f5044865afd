/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Target: schedules of a few addresses. Never a round too many or too early, never more frames than the budget. */
#include "burst.h"

#include <string.h>

#include "check.h"
#include "fuzz.h"

#define NODES 64

static struct burst burst;
static struct burst_node nodes[NODES];
static int taken[NODES];
static uint64_t now;
static uint64_t frames;

void fuzz_burst_start(void)
{
	burst_init(&burst, &burst_announcement);
	for (int i = 0; i < NODES; i++) {
		burst_node_init(&nodes[i]);
		taken[i] = BURST_ROUNDS;
	}
	now = 0;
	frames = 0;
}

void fuzz_burst_step(void)
{
	uint64_t i = fuzz_below(NODES);
	const struct burst_node *node;

	now += fuzz_below(20000000);
	if (fuzz_below(8) == 0) {
		burst_start(&burst, &nodes[i], now);
		taken[i] = 0;
	} else if (fuzz_below(16) == 0) {
		burst_cancel(&burst, &nodes[i]);
		taken[i] = BURST_ROUNDS;
	}
	while ((node = burst_take(&burst, now)) != NULL) {
		CHECK(++taken[node - nodes] <= BURST_ROUNDS);
		frames += BURST_FRAMES_PER_ROUND;
	}
	CHECK(burst_wake_at(&burst) > now);
	CHECK(frames <= 64 + now * (burst_announcement.first_rate + burst_announcement.repeat_rate) / 1000000000ull);
}
