import type { Refusal } from "../model/reason.ts";

/** Said while no speaker has reported its networks. */
export const waitingForSpeakers: Refusal = {
  reason: "WaitingForSpeakers",
  message:
    "no speaker has reported its networks yet, so network and broadcast addresses are not known; " +
    "see that the speaker Pods are running",
};
