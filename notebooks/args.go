package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// commands are the words that may stand first on the command line; the empty one opens JupyterLab.
var commands = []string{"", "setup", "run", "export", "sweep", "reset", "doctor", "health"}

// command is a parsed command line.
type command struct {
	name      string
	names     []string // of notebooks; of a sweep: all that follows
	quick     bool
	jobs      int    // notebooks run at a time
	dir       string // of the export; empty: the default
	source    string // address of the repository that the export links to; empty: that of the clone's remote
	ip        string
	port      int
	baseURL   string // the path that JupyterLab lies at, as a proxy in front of it wants
	noBrowser bool
	runs      onRuns   // of doctor
	jupyter   []string // JupyterLab's own options, in place of the address
}

// parse reads a command line. It returns flag.ErrHelp if help was asked for.
func parse(args []string) (command, error) {
	var c command
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		c.name, args = args[0], args[1:]
	}
	if c.name == "help" {
		return c, flag.ErrHelp
	}
	if !slices.Contains(commands, c.name) {
		return c, fmt.Errorf("there is no command %q; there are%s, and none at all, which opens JupyterLab",
			c.name, strings.Join(commands, " "))
	}
	if c.name == "sweep" {
		c.names = args // for bnlib/sweep
		return c, nil
	}
	flags := flag.NewFlagSet("notebooks", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	switch c.name {
	case "":
		if i := slices.Index(args, "--"); i >= 0 {
			args, c.jupyter = args[:i], append([]string{}, args[i+1:]...)
		}
		port, err := envPort()
		if err != nil {
			return c, err
		}
		flags.StringVar(&c.ip, "ip", "127.0.0.1", "")
		flags.IntVar(&c.port, "port", port, "")
		flags.StringVar(&c.baseURL, "base-url", cmp.Or(os.Getenv("JUPYTERHUB_SERVICE_PREFIX"), "/"), "")
		flags.BoolVar(&c.noBrowser, "no-browser", false, "")
	case "run":
		flags.BoolVar(&c.quick, "quick", false, "")
		flags.IntVar(&c.jobs, "jobs", 1, "")
	case "export":
		flags.StringVar(&c.dir, "o", "", "")
		flags.StringVar(&c.source, "source", "", "")
	case "doctor":
		c.runs.register(flags)
	}
	// Flags may also follow the names: "run 00_start_here -quick".
	for {
		if err := flags.Parse(args); err != nil {
			if err == flag.ErrHelp {
				return c, err
			}
			return c, fmt.Errorf("%w (go run ./notebooks -h lists what there is)", err)
		}
		if flags.NArg() == 0 {
			break
		}
		c.names = append(c.names, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if err := c.runs.check(); err != nil {
		return c, err
	}
	if c.jupyter != nil {
		var lost error
		flags.Visit(func(f *flag.Flag) {
			if own, ok := map[string]string{"ip": "ip", "port": "port", "base-url": "base_url"}[f.Name]; ok {
				lost = fmt.Errorf("-%s stands before --, behind which JupyterLab's own options take its place; give --ServerApp.%s=%s behind it", f.Name, own, f.Value)
			}
		})
		if lost != nil {
			return c, lost
		}
	}
	for i, option := range c.jupyter {
		name, value, ok := strings.Cut(option, "=")
		if !ok && i+1 < len(c.jupyter) {
			value = c.jupyter[i+1]
		}
		if strings.HasSuffix(name, "token") && strings.Trim(value, `'"`) == "" {
			return c, fmt.Errorf("%s is empty: without a token everybody who reaches the port can run programs; "+
				"leave it out to have one chosen", name)
		}
	}
	if c.name == "reset" && len(c.names) == 0 {
		return c, errors.New("reset names no page; allowed: one or more, such as 11_experiment_1")
	}
	if c.source != "" && !strings.HasPrefix(c.source, "https://") && !strings.HasPrefix(c.source, "http://") {
		return c, fmt.Errorf("-source is %q; allowed: the address of the repository, such as https://github.com/owner/name", c.source)
	}
	if c.name == "run" && c.jobs < 1 {
		return c, fmt.Errorf("-jobs is %d; allowed: 1 or more", c.jobs)
	}
	if len(c.names) > 0 && !slices.Contains([]string{"run", "export", "reset"}, c.name) {
		return c, fmt.Errorf("%q: nothing can stand there (go run ./notebooks -h lists what there is)", c.names[0])
	}
	return c, nil
}

// envPort is the port that Jupyter's own variable names, or its usual one.
func envPort() (int, error) {
	text := cmp.Or(os.Getenv("JUPYTER_PORT"), "8888")
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("JUPYTER_PORT is %q; allowed: 1 to 65535", text)
	}
	return int(port), nil
}
