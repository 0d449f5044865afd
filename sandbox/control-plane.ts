import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "undici";
import type { KeyPair } from "../src/runtime/certificate-authority.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { apiServer, podNetworks, serviceNetworks } from "./addresses.ts";
import type { KubeBinaries } from "./binaries.ts";
import { CertificateAuthority, serviceAccountKeys } from "./certificates.ts";
import { Component } from "./component.ts";
import { Etcd, etcdUrl } from "./etcd.ts";
import { apiServerUrl, writeKubeconfig } from "./kubeconfig.ts";

/** How long the API server stays away while etcd is restored. */
const restoreMs = 3_000;

/** Every write, and what Steelyard reads; one JSON event per line, see `audit.ts`. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "Metadata", verbs: ["create", "update", "patch", "delete", "deletecollection"] },
    {
      level: "Metadata",
      verbs: ["get", "list", "watch"],
      userGroups: ["system:serviceaccounts:steelyard-system"],
    },
    { level: "None" },
  ],
};

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with all their files. */
export class ControlPlane {
  readonly apiServer: Component;
  readonly etcd: Etcd;
  readonly #directory: string;
  readonly #controllerManager: Component;
  readonly #scheduler: Component;
  #authority: CertificateAuthority | undefined;
  #admin: KeyPair | undefined;

  /** `directory` must exist and be empty; certificates, data and logs go below it. */
  constructor(directory: string, binaries: KubeBinaries) {
    this.#directory = directory;
    this.etcd = new Etcd(directory, join(directory, "logs", "etcd.log"), binaries.etcd);
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
    this.etcd.component.start();
    await this.#writeFiles();
    this.apiServer.start();
    await this.waitForApiServer();
    // Before the API server is there they would wait a second between two attempts.
    this.#controllerManager.start();
    this.#scheduler.start();
  }

  /** Starts the API server with a serving certificate that ended a minute ago; nobody can trust it. */
  async startApiServerExpired(): Promise<void> {
    await this.#serveWith(await this.authority.issueApiServer(-60_000));
    this.apiServer.start();
    await this.waitForApiServer({ trust: false });
  }

  /** Gives the API server a valid serving certificate; it takes it up as it runs. */
  async renewServingCertificate(): Promise<void> {
    await this.#serveWith(await this.authority.issueApiServer());
    await this.waitForApiServer();
  }

  /**
   * Kills etcd and the API server and starts them on a copy of etcd's folder; then
   * the others afresh, as Kubernetes's manual says: they remember what never was.
   * The API server is away for some seconds, as in any restore that people make.
   */
  async restore(copy: string): Promise<void> {
    await this.apiServer.kill();
    await this.etcd.startFrom(copy);
    await systemClock.sleep(restoreMs);
    this.apiServer.start();
    await this.waitForApiServer();
    for (const component of [this.#controllerManager, this.#scheduler]) {
      await component.kill();
      component.start();
    }
  }

  async #serveWith({ cert, key }: KeyPair): Promise<void> {
    await writeFile(this.#pki("apiserver.key"), key, { mode: 0o600 });
    await writeFile(this.#pki("apiserver.crt"), cert);
  }

  /**
   * Resolves once the API server says that it is ready. Throws with its log when it
   * is not. `trust: false`: whatever certificate it shows.
   */
  async waitForApiServer({ trust = true } = {}): Promise<void> {
    const { cert, key } = this.admin;
    const ca = this.authority.certificate;
    const connect = { ca, cert, key, rejectUnauthorized: trust };
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
    const { apiServer: server, etcd } = this;
    const components = [this.#scheduler, this.#controllerManager, server, etcd.component];
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
