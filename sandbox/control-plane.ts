import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "undici";
import { apiServer, podNetworks, serviceNetworks } from "./addresses.ts";
import type { KubeBinaries } from "./binaries.ts";
import { CertificateAuthority, type KeyPair, serviceAccountKeys } from "./certificates.ts";
import { Component } from "./component.ts";
import { apiServerUrl, writeKubeconfig } from "./kubeconfig.ts";

/** Every write to the API, one JSON event per line; see `audit.ts`. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "Metadata", verbs: ["create", "update", "patch", "delete", "deletecollection"] },
    { level: "None" },
  ],
};

const etcdUrl = "http://127.0.0.1:2379";
const etcdPeerUrl = "http://127.0.0.1:2380";

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with all their files. */
export class ControlPlane {
  readonly apiServer: Component;
  readonly #directory: string;
  readonly #etcd: Component;
  readonly #controllerManager: Component;
  readonly #scheduler: Component;
  #authority: CertificateAuthority | undefined;
  #admin: KeyPair | undefined;

  /** `directory` must exist and be empty; certificates, data and logs go below it. */
  constructor(directory: string, binaries: KubeBinaries) {
    this.#directory = directory;
    this.#etcd = this.#component("etcd", [binaries.etcd, ...this.#etcdFlags()]);
    this.apiServer = this.#component("kube-apiserver", [
      binaries["kube-apiserver"],
      ...this.#apiServerFlags(),
    ]);
    this.#controllerManager = this.#component("kube-controller-manager", [
      binaries["kube-controller-manager"],
      ...this.#controllerManagerFlags(),
    ]);
    this.#scheduler = this.#component("kube-scheduler", [
      binaries["kube-scheduler"],
      ...this.#schedulerFlags(),
    ]);
  }

  /** The kubeconfig of a member of `system:masters`. */
  get kubeconfig(): string {
    return join(this.#directory, "admin.kubeconfig");
  }

  /** The certificate authority in PEM, as mounted into pods. */
  get authorityFile(): string {
    return this.#pki("ca.crt");
  }

  get auditFile(): string {
    return join(this.#directory, "logs", "audit.log");
  }

  get authority(): CertificateAuthority {
    return started(this.#authority);
  }

  /** The certificate behind {@link kubeconfig}. */
  get admin(): KeyPair {
    return started(this.#admin);
  }

  /** Starts everything; resolves once the API server is ready, the other two being on their way. */
  async start(): Promise<void> {
    await mkdir(join(this.#directory, "pki"), { mode: 0o700 });
    await mkdir(join(this.#directory, "logs"), { recursive: true });
    this.#etcd.start();
    await this.#writeFiles();
    this.apiServer.start();
    await this.waitForApiServer();
    // Before the API server is there they would wait a second between two attempts.
    this.#controllerManager.start();
    this.#scheduler.start();
  }

  /** Resolves once the API server says that it is ready. Throws with its log when it is not. */
  async waitForApiServer(): Promise<void> {
    const { cert, key } = this.admin;
    const connect = { ca: this.authority.certificate, cert, key };
    await this.apiServer.waitUntil(async () => {
      const client = new Client(apiServerUrl, { connect });
      try {
        const answer = await client.request({ method: "GET", path: "/readyz" });
        await answer.body.dump();
        return answer.statusCode === 200;
      } catch {
        return false;
      } finally {
        await client.destroy();
      }
    });
  }

  /** Kills everything. What it wrote goes with the directory. */
  async kill(): Promise<void> {
    const components = [this.#scheduler, this.#controllerManager, this.apiServer, this.#etcd];
    await Promise.all(components.map((component) => component.kill()));
  }

  #component(name: string, argv: readonly string[]): Component {
    return new Component(name, join(this.#directory, "logs", `${name}.log`), argv);
  }

  #pki(name: string): string {
    return join(this.#directory, "pki", name);
  }

  async #writeFiles(): Promise<void> {
    const authority = await CertificateAuthority.create();
    const [server, kubelet, admin, manager, scheduler, frontProxy, accounts] = await Promise.all([
      authority.issueApiServer(),
      authority.issueClient("kube-apiserver-kubelet-client", ["system:masters"]),
      authority.issueClient("kubernetes-admin", ["system:masters"]),
      authority.issueClient("system:kube-controller-manager"),
      authority.issueClient("system:kube-scheduler"),
      authority.issueClient("front-proxy-client"),
      serviceAccountKeys(),
    ]);
    this.#authority = authority;
    this.#admin = admin;
    const secret = { mode: 0o600 };
    const ca = authority.certificate;
    await Promise.all([
      writeFile(this.authorityFile, ca),
      writeFile(this.#pki("apiserver.crt"), server.cert),
      writeFile(this.#pki("apiserver.key"), server.key, secret),
      writeFile(this.#pki("kubelet-client.crt"), kubelet.cert),
      writeFile(this.#pki("kubelet-client.key"), kubelet.key, secret),
      writeFile(this.#pki("front-proxy.crt"), frontProxy.cert),
      writeFile(this.#pki("front-proxy.key"), frontProxy.key, secret),
      writeFile(this.#pki("sa.key"), accounts.key, secret),
      writeFile(this.#pki("sa.pub"), accounts.publicKey),
      writeFile(join(this.#directory, "audit-policy.yaml"), JSON.stringify(auditPolicy)),
      writeKubeconfig(this.kubeconfig, ca, admin),
      writeKubeconfig(this.#pki("controller-manager.kubeconfig"), ca, manager),
      writeKubeconfig(this.#pki("scheduler.kubeconfig"), ca, scheduler),
    ]);
  }

  #etcdFlags(): readonly string[] {
    return [
      "--name=sandbox",
      `--data-dir=${join(this.#directory, "etcd")}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${etcdPeerUrl}`,
      `--initial-advertise-peer-urls=${etcdPeerUrl}`,
      `--initial-cluster=sandbox=${etcdPeerUrl}`,
      "--unsafe-no-fsync",
      "--log-level=warn",
    ];
  }

  #apiServerFlags(): readonly string[] {
    return [
      `--advertise-address=${apiServer.address}`,
      `--bind-address=${apiServer.address}`,
      `--secure-port=${apiServer.port}`,
      `--etcd-servers=${etcdUrl}`,
      `--service-cluster-ip-range=${serviceNetworks.join(",")}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      `--client-ca-file=${this.authorityFile}`,
      `--tls-cert-file=${this.#pki("apiserver.crt")}`,
      `--tls-private-key-file=${this.#pki("apiserver.key")}`,
      `--kubelet-client-certificate=${this.#pki("kubelet-client.crt")}`,
      `--kubelet-client-key=${this.#pki("kubelet-client.key")}`,
      "--kubelet-preferred-address-types=InternalIP",
      // The aggregation layer's own identity; controller manager and scheduler wait for it.
      `--requestheader-client-ca-file=${this.authorityFile}`,
      "--requestheader-allowed-names=front-proxy-client",
      "--requestheader-username-headers=X-Remote-User",
      "--requestheader-group-headers=X-Remote-Group",
      "--requestheader-extra-headers-prefix=X-Remote-Extra-",
      `--proxy-client-cert-file=${this.#pki("front-proxy.crt")}`,
      `--proxy-client-key-file=${this.#pki("front-proxy.key")}`,
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${this.#pki("sa.pub")}`,
      `--service-account-signing-key-file=${this.#pki("sa.key")}`,
      // There is no kube-proxy beside the API server: it calls webhooks at their endpoints.
      "--enable-aggregator-routing=true",
      `--audit-policy-file=${join(this.#directory, "audit-policy.yaml")}`,
      `--audit-log-path=${this.auditFile}`,
      "--audit-log-maxsize=4096",
    ];
  }

  #controllerManagerFlags(): readonly string[] {
    const kubeconfig = this.#pki("controller-manager.kubeconfig");
    return [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--use-service-account-credentials=true",
      // The default, 20 a second, makes it spend five seconds on its controllers' accounts.
      "--kube-api-qps=1000",
      "--kube-api-burst=1000",
      `--service-account-private-key-file=${this.#pki("sa.key")}`,
      `--root-ca-file=${this.authorityFile}`,
      `--cluster-cidr=${podNetworks.join(",")}`,
      // Which node has which pods' network is the address plan's to say.
      "--allocate-node-cidrs=false",
      "--bind-address=127.0.0.1",
    ];
  }

  #schedulerFlags(): readonly string[] {
    const kubeconfig = this.#pki("scheduler.kubeconfig");
    return [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--leader-elect=false",
      "--bind-address=127.0.0.1",
    ];
  }
}

function started<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("the control plane has not been started");
  }
  return value;
}
