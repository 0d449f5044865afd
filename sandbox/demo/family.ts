import type { CapturedFrame } from "../capture.ts";
import { parseAdvertisement } from "../ndp-frame.ts";

/** What the demo's story has of one IP family. */
export interface DemoFamily {
  /** The address that the manifests ask for. */
  readonly address: string;
  readonly url: string;
  /** Ends the names of its manifests. */
  readonly suffix: string;
  /** What the client's capture catches, in pcap's language. */
  readonly filter: string;
  /** How the address is announced. */
  readonly announcement: string;
  /** Returns the hardware address that a frame announces the address at. */
  announcedAt(frame: CapturedFrame): string | undefined;
}

const ipv4Address = "192.0.2.4";
const ipv6Address = "2001:db8:0:2::4";

export const ipv4Demo: DemoFamily = {
  address: ipv4Address,
  url: `http://${ipv4Address}/`,
  suffix: "",
  filter: "arp",
  announcement: "gratuitous ARP",
  announcedAt: ({ arp }) =>
    arp?.gratuitous === true && arp.senderIp === ipv4Address ? arp.senderMac : undefined,
};

export const ipv6Demo: DemoFamily = {
  address: ipv6Address,
  url: `http://[${ipv6Address}]/`,
  suffix: "-ipv6",
  filter: "icmp6",
  announcement: "an unsolicited neighbor advertisement",
  announcedAt: ({ bytes }) => {
    const told = parseAdvertisement(bytes);
    const unasked = told !== undefined && !told.solicited && told.override;
    return unasked && told.target === ipv6Address ? told.targetMac : undefined;
  },
};
