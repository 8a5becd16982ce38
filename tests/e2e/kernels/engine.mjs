// Our engine as a page starts it. The messages are those of crates/protocol, as crates/worker/src/lib.rs posts them.

export class Engine {
  asked = 0;

  /// A fresh worker out of the built page at `url`, on the device `cpu` or `gpu`.
  static async start(url, version, device) {
    const engine = new Engine();
    engine.worker = new Worker(new URL("worker_loader.js", url), { type: "module" });
    await engine.hear((data, up) => data === "up" && up());
    await engine.ask({ Hello: { version, device } }, "Ready");
    return engine;
  }

  /// Sends a command and waits until its job has ended; gives the event of this name.
  ask(command, name) {
    const id = ++this.asked;
    let answer;
    const ended = this.hear(({ msg: { body } }, done, failed) => {
      answer ??= body[name];
      const error = (body.Failed ?? body.DeviceLost)?.error;
      if (error) failed(new Error(error));
      if (body === "Done") done(answer);
    });
    this.worker.postMessage({ msg: { id, body: command }, files: [] });
    return ended;
  }

  /// What `listen` settles on, shown one message after the other.
  hear(listen) {
    return new Promise((done, failed) => {
      this.worker.onmessage = ({ data }) => listen(data, done, failed);
      this.worker.onerror = ({ message }) => failed(new Error(`the engine's worker stopped: ${message ?? "it was not loaded"}`));
    });
  }
}
