// What the workbook adds to JupyterLab in the browser: a prebuilt extension, written so that nothing has to build it.
(() => {
  "use strict";
  let shared; // the packages that JupyterLab shares with its extensions, by name and version

  const load = async name => (await Object.values(shared[name])[0].get())();

  const next = signal =>
    new Promise(done => {
      const slot = () => {
        signal.disconnect(slot);
        done();
      };
      signal.connect(slot);
    });

  // Waits until a page has its kernel, or has none for good: none could be started, or the reader wants none.
  async function settled(context, dialogs) {
    await Promise.race([context.ready, context.initialize()]);
    if (context.hasNoKernel && (await context.startKernel())) {
      await dialogs?.selectKernel(context);
    }
    while (!context.isDisposed && !context.session?.kernel && !context.hasNoKernel) {
      await next(context.kernelChanged);
    }
  }

  // JupyterLab forgets a cell that is run while its page's kernel starts. Here such cells wait, and run as they came.
  function executor(runCell) {
    const waits = new WeakMap(); // by page

    return {
      async runCell(options) {
        const { cell, sessionContext: context } = options;
        if (cell.model.type === "code" && context && (waits.has(context) || !context.session?.kernel)) {
          cell.model.executionState = "running";
          if (!waits.has(context)) {
            waits.set(context, settled(context, options.sessionDialogs).finally(() => waits.delete(context)));
          }
          await waits.get(context).catch(console.error);
          if (cell.isDisposed || context.isDisposed) {
            return false;
          }
          if (!context.session?.kernel) {
            cell.model.executionState = "idle";
            return false;
          }
        }
        return runCell(options);
      }
    };
  }

  // Shows, on a page that was opened while its cells run, or after they have run with no page there, what they say: the server answers
  // a request to follow them with everything that was said, and with what is being said (see running.py).
  const followed = new WeakSet(); // kernels: a second view of a page shows what the first does
  async function follow(panel) {
    const kernel = panel.sessionContext.session?.kernel;
    if (!kernel || followed.has(kernel)) {
      return;
    }
    followed.add(kernel);
    for (const { cell: id, request } of (await kernel.info).cells ?? []) {
      const cell = panel.content.widgets.find(cell => cell.model.type === "code" && cell.model.id === id);
      if (!cell || cell.model.executionState === "running") {
        continue;
      }
      cell.model.trusted = true;
      cell.model.executionCount = null;
      cell.model.executionState = "running";
      const future = kernel.requestExecute({ code: cell.model.sharedModel.getSource() }, false, { follow: request });
      cell.outputArea.future = future;
      future.done
        .then(reply => (cell.model.executionCount = reply.content.execution_count))
        .catch(() => {}) // the kernel was restarted, or the cell run anew
        .finally(() => cell.outputArea.future === future && (cell.model.executionState = "idle"));
    }
  }

  // GoNB's channel, by which its widgets and the playground speak, is opened at ws://host/api/kernels/…. Jupyter is elsewhere under a base
  // URL or behind https: there is where.
  function redirect(there) {
    const asked = `ws://${location.host}/api/kernels/`;
    if (asked === there) {
      return;
    }
    const Plain = window.WebSocket;
    window.WebSocket = class extends Plain {
      constructor(url, ...more) {
        const text = String(url);
        super(text.startsWith(asked) ? there + text.slice(asked.length) : url, ...more);
      }
    };
  }

  (window._JUPYTERLAB ??= {}).batchnorm = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const { INotebookCellExecutor, INotebookTracker, runCell } = await load("@jupyterlab/notebook");
      const plugins = [
        {
          id: "batchnorm:cell-executor",
          description: "Runs cells, in the place of @jupyterlab/notebook-extension:cell-executor.",
          autoStart: true,
          provides: INotebookCellExecutor,
          activate: () => executor(runCell)
        },
        {
          id: "batchnorm:channel",
          description: "Opens GoNB's channel where Jupyter is.",
          autoStart: true,
          activate: app => redirect(new URL("api/kernels/", app.serviceManager.serverSettings.wsUrl).href)
        },
        {
          id: "batchnorm:follow",
          description: "Shows what cells say that ran before their page was opened.",
          autoStart: true,
          requires: [INotebookTracker],
          activate: (app, tracker) =>
            tracker.widgetAdded.connect(async (_, panel) => {
              await Promise.all([panel.context.ready, panel.sessionContext.ready]);
              await follow(panel);
            })
        }
      ];
      return () => plugins;
    }
  };
})();
