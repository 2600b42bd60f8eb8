// Notebooks sets up, opens, runs and exports the workbook's notebooks:
//
//	go run ./notebooks            set up what is missing, then open JupyterLab
//	go run ./notebooks -h         all commands
//
// What it installs lies in one folder, .batchnorm beside go.mod; deleting the folder undoes everything. The program
// itself imports next to nothing, so that it is compiled and talks within seconds on a machine that has seen no Go yet.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Sets up, opens, runs and exports the workbook's notebooks.

usage: go run ./notebooks [COMMAND] [FLAGS]

  (none)           set up what is missing, then open JupyterLab on your copies of the notebooks, in notebooks/mine
      -port N        listen on this port (default JUPYTER_PORT or 8888, or the next free one)
      -ip ADDRESS    listen on this address (default 127.0.0.1; 0.0.0.0 in a container)
      -base-url PATH the path that a proxy in front knows it by (default /, or JUPYTERHUB_SERVICE_PREFIX)
      -no-browser    print the address, open nothing
      -- OPTIONS     JupyterLab's own, in place of -port, -ip and -base-url
  setup            only set up
  run [NAME…]      run notebooks without a browser and write their outputs into them; no name: all, in order
      -quick         short trainings; the results go to .batchnorm/quick, the notebooks stay as they are
      -jobs N        N at a time (default 1: some cells measure speed, which needs the machine alone)
  export [NAME…]   write notebooks as a site, with the outputs they hold, to be put on a web server or opened from a disk; no name: all
      -o FOLDER      where to (default .batchnorm/site)
      -source URL    the repository that it links to, as https://github.com/owner/name (default the clone's remote, if it has one)
  sweep [NAME]     train a grid that outgrows one machine, a share of it in each process; no name: list what there is
      -shard I/N     the share, with I from 0; or by JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID, and BATCHNORM_SHARDS
      -store FOLDER  the folder that all processes share (default that of the notebooks)
      -missing       train nothing; say what no process has trained yet
      -draw FILE     train nothing; draw the whole as PNG
  health           say whether a JupyterLab that was opened answers
  reset NAME…      give pages of your folder, notebooks/mine, back their first content; what you made of them stays beside it
  doctor           say what was found, chosen and missing, how to mend it, and what is kept on the disk
      -list          only list the runs that are kept
      -verify        only read every byte of them; set damaged files aside
      -prune         only remove runs, those unused for longest first; they are trained again when asked for
          -age 90d     that were not used for so long
          -size 2GB    until the rest is no larger
          -dry-run     remove nothing, say how much it would be

A NAME is a notebook's file name, with or without .ipynb.
BATCHNORM_PYTHON chooses the Python to build on, BATCHNORM_HOME the folder to install into (default .batchnorm),
BATCHNORM_RUNS the folder that keeps what was trained (default runs in that folder), BATCHNORM_PROGRAMS the one that keeps
what XLA has compiled (default programs in that folder; off: none). BATCHNORM_WORK is a folder of the reader's own, for an
installation that is not written to: pages are copied into it, and runs kept in it.
`

func main() {
	// One Ctrl-C ends the work in hand tidily, whatever it is; a second one ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Args[1:], os.Stdout)
	code, ended := errors.AsType[exitCode](err)
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case ended:
		os.Exit(int(code)) // the program has said why
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "notebooks: interrupted; the same command goes on where this one stopped")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "notebooks:", err)
		os.Exit(1)
	}
}

// run does what the command line says and writes what it has to say to out.
func run(ctx context.Context, args []string, out io.Writer) error {
	c, err := parse(args)
	if err != nil {
		return err
	}
	if c.name == "health" {
		return health(ctx, out)
	}
	w, err := open(out)
	if err != nil {
		return err
	}
	if err := w.findCache(ctx); err != nil {
		return err
	}
	if w.work != "" || c.name == "" {
		if err := w.copyPages(); err != nil {
			return err
		}
	}
	switch c.name {
	case "reset":
		if c.names, err = w.resolve(c.names); err != nil {
			return err
		}
		return w.reset(c.names)
	case "doctor":
		if c.runs.any() {
			return w.keep(ctx, c.runs)
		}
		return w.doctor(ctx)
	case "sweep":
		return w.sweep(ctx, c.names)
	case "run", "export":
		// A mistyped name is said before minutes of set-up.
		if c.names, err = w.resolve(c.names); err != nil {
			return err
		}
	}
	wanted := soon
	if c.name == "setup" {
		wanted = all
	}
	if err := w.installed().setup(ctx, wanted); err != nil {
		return err
	}
	if err := w.moveIn(); err != nil {
		return err
	}
	if c.name != "setup" && c.name != "export" {
		if err := canRun(ctx); err != nil {
			return err
		}
	}
	switch c.name {
	case "setup":
		fmt.Fprintln(out, "Everything is set up. Open the notebooks with: go run ./notebooks")
		return nil
	case "run":
		return w.runAll(ctx, c.names, c.quick, c.jobs)
	case "export":
		return w.export(ctx, c.names, c.dir, c.source)
	}
	w.remind()
	return w.lab(ctx, c)
}
