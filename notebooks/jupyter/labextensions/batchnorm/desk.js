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

  (window._JUPYTERLAB ??= {}).batchnorm = {
    init(scope) {
      shared = scope;
    },
    async get() {
      const { INotebookCellExecutor, runCell } = await load("@jupyterlab/notebook");
      const plugin = {
        id: "batchnorm:cell-executor",
        description: "Runs cells, in the place of @jupyterlab/notebook-extension:cell-executor.",
        autoStart: true,
        provides: INotebookCellExecutor,
        activate: () => executor(runCell)
      };
      return () => plugin;
    }
  };
})();
