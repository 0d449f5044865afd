/* SPDX-License-Identifier: Apache-2.0 */
#include "event_queue.h"

bool event_queue_has_room(const struct event_queue *queue, enum event_kind kind)
{
	return queue->count < (kind == EVENT_CLAIM ? EVENT_QUEUE_CLAIMS : EVENT_QUEUE_CAPACITY);
}

void event_queue_put(struct event_queue *queue, const struct event *event)
{
	if (!event_queue_has_room(queue, event->kind)) {
		queue->dropped++;
		return;
	}
	queue->events[queue->count++] = *event;
}
