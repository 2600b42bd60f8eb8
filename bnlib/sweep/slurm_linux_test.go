package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"batchnorm/bnlib/backend"
	"batchnorm/bnlib/host"

	"golang.org/x/sys/unix"
)

// TestSlurm trains the sweep wide by docker/sweep.sbatch on a Slurm of its own: eight tasks, two at a time. One is killed in the
// middle of writing, one cancelled and sent back to the queue, one told that its time is up, one run twice. What is stored is what a
// single process trains, bit for bit.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a minute")
	}
	s := startSlurm(t)
	store := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(store, 0o777); err != nil {
		t.Fatal(err)
	}
	job := s.sbatch(t, nil, "--array=0-7%2", "wide", store)
	most := 0
	count := func(state string) int {
		n := 0
		for _, found := range s.states(t, job) {
			if found == state {
				n++
			}
		}
		if state == "RUNNING" {
			most = max(most, n)
		}
		return n
	}
	eventually(t, "two tasks run", func() bool { return count("RUNNING") == 2 })

	killed := killWriting(t, job, store)
	eventually(t, "the killed task is back in the queue", func() bool { return s.states(t, job)[killed] == "PENDING" })
	if log := s.log(t, job, killed); !strings.Contains(log, "exit code 137; back to the queue, for the 1. time of 5") {
		t.Errorf("the log of the killed task:\n%s", log)
	}

	// end takes running tasks, one after the other until it is in time, and returns the one that it brought to a state.
	end := func(state string, how func(task string)) string {
		for tried := []string{killed}; ; {
			var task string
			eventually(t, "one more task trains", func() bool {
				states := s.states(t, job)
				for task = range states {
					if states[task] == "RUNNING" && !slices.Contains(tried, task) && strings.Contains(s.log(t, job, task), "trains the others") {
						return true
					}
				}
				if !slices.Contains(slices.Collect(maps.Values(states)), "RUNNING") {
					t.Fatalf("every task was done before it became %s", state)
				}
				return false
			})
			tried = append(tried, task)
			how(task)
			found := ""
			eventually(t, "the task stops", func() bool {
				found = s.states(t, job)[task]
				return found != "RUNNING" && found != "COMPLETING"
			})
			if found == state {
				return task
			}
		}
	}
	cancelled := end("CANCELLED", func(task string) { s.do(t, "scancel", job+"_"+task) })
	if log := s.log(t, job, cancelled); strings.Contains(log, "back to the queue") {
		t.Errorf("the cancelled task goes back to the queue by itself:\n%s", log)
	}
	warned := end("PENDING", func(task string) { // by the signal that --signal in sweep.sbatch asks for
		for c, of := range commandsOf(t, job) {
			if of == task {
				signalParent(t, c.Pid, syscall.SIGUSR1)
			}
		}
	})
	if log := s.log(t, job, warned); !strings.Contains(log, "exit code 75; back to the queue, for the 1. time of 5") {
		t.Errorf("the log of the task whose time is up:\n%s", log)
	}

	s.requeue(t, job, cancelled)
	for _, task := range []string{killed, cancelled, warned} {
		s.start(t, job, task)
	}
	eventually(t, "all tasks are done", func() bool { count("RUNNING"); return count("COMPLETED") == 8 })
	if most != 2 {
		t.Errorf("%d tasks ran at a time, want 2", most)
	}

	before := fileTimes(t, store)
	s.requeue(t, job, "0")
	s.start(t, job, "0")
	eventually(t, "the first task is done again", func() bool {
		return s.states(t, job)["0"] == "COMPLETED" && strings.Count(s.log(t, job, "0"), "share 0 of 8: its 6 networks are stored") == 2
	})
	if !maps.Equal(before, fileTimes(t, store)) {
		t.Error("a task that ran twice has written twice")
	}

	env := []string{backend.Env + "=" + cmp.Or(os.Getenv(backend.Env), "xla:cpu")}
	whole := t.TempDir()
	if out, err := process(t, env, "wide", "-store", whole).CombinedOutput(); err != nil {
		t.Fatalf("a single process: %v\n%s", err, out)
	}
	sameRuns(t, store, whole, 48)
	out, err := process(t, env, "wide", "-store", store, "-missing").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "48 of 48") || strings.Count(string(out), "trained on") != 1 {
		t.Errorf("-missing: %v\n%s", err, out)
	}
}

// TestSlurmRetries sends tasks that fail: what fails again is not tried again; what may end better is, so often and no more.
func TestSlurmRetries(t *testing.T) {
	s := startSlurm(t)
	store := t.TempDir()
	unknown := s.sbatch(t, nil, "--array=0", "nonesuch", store)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unwritable := s.sbatch(t, []string{"BATCHNORM_RETRIES=1"}, "--array=0", "small", filepath.Join(file, "store"))
	eventually(t, "the unwritable folder is tried again", func() bool { return s.states(t, unwritable)["0"] == "PENDING" && s.log(t, unwritable, "0") != "" })
	s.start(t, unwritable, "0")
	for job, want := range map[string]string{unknown: "no sweep \"nonesuch\"", unwritable: "exit code 75, 1 times back to the queue; no more"} {
		eventually(t, "a task fails", func() bool { return s.states(t, job)["0"] == "FAILED" })
		log := s.log(t, job, "0")
		if !strings.Contains(log, want) || job == unknown && strings.Contains(log, "back to the queue") {
			t.Errorf("the log of a task that fails, want %q:\n%s", want, log)
		}
	}
}

// killWriting kills one of a job's commands with SIGKILL while it has a part of the store's open, and returns its task. What it
// leaves is the part, under no key.
func killWriting(t *testing.T, job, store string) (task string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	created := os.NewFile(uintptr(fd), "inotify")
	defer created.Close()
	if _, err := unix.InotifyAddWatch(fd, store, unix.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a command is stopped while it writes", func() bool {
		commands := commandsOf(t, job)
		if err := created.SetReadDeadline(time.Now().Add(time.Second)); err != nil { // by then there may be other commands
			t.Fatal(err)
		}
		if _, err := created.Read(make([]byte, 4096)); errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		} else if err != nil {
			t.Fatal(err)
		}
		for c := range commands {
			c.Signal(syscall.SIGSTOP)
		}
		var part string
		for c, of := range commands {
			if part == "" && stopped(t, c.Pid) {
				if part = openPart(c.Pid, store); part != "" {
					task = of
					if err := c.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.Signal(syscall.SIGCONT)
		}
		if part == "" {
			return false
		}
		key, _, _ := strings.Cut(part, ".")
		for name, want := range map[string]error{part: nil, key + ".safetensors": fs.ErrNotExist} {
			if _, err := os.Stat(name); !errors.Is(err, want) {
				t.Errorf("%s, in the middle of writing: %v, want %v", filepath.Base(name), err, want)
			}
		}
		return true
	})
	return task
}

// commandsOf returns the processes of a job's commands, with their tasks.
func commandsOf(t *testing.T, job string) map[*os.Process]string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	commands := map[*os.Process]string{}
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, exe := range all {
		if target, err := os.Readlink(exe); err != nil || target != program {
			continue
		}
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(exe), "environ"))
		env := map[string]string{}
		for variable := range strings.SplitSeq(string(environ), "\x00") {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		var pid int
		fmt.Sscanf(exe, "/proc/%d", &pid)
		if p, err := os.FindProcess(pid); err == nil && env["SLURM_ARRAY_JOB_ID"] == job {
			commands[p] = env[slurmEnv]
		}
	}
	return commands
}

// signalParent sends a signal to the parent of a process, which is the shell of a task.
func signalParent(t *testing.T, pid int, signal os.Signal) {
	t.Helper()
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // none if it is gone
	for line := range strings.Lines(string(status)) {
		if parent, ok := strings.CutPrefix(line, "PPid:"); ok {
			number, err := strconv.Atoi(strings.TrimSpace(parent))
			if err != nil || number == 1 {
				t.Fatalf("process %d has the parent %q", pid, parent)
			}
			p, err := os.FindProcess(number)
			if err != nil {
				t.Fatal(err)
			}
			p.Signal(signal)
		}
	}
}

// stopped waits until no thread of a process runs, and reports whether the process is still there.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	there := false
	eventually(t, "a process stops", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		there = len(threads) > 0
		for _, thread := range threads {
			stat, _ := os.ReadFile(thread)
			if _, state, _ := bytes.Cut(stat, []byte(") ")); len(state) > 0 && state[0] != 'T' {
				return state[0] == 'Z' || state[0] == 'X'
			}
		}
		return true
	})
	return there
}

// openPart returns the file of the store that a process is writing, if any.
func openPart(pid int, store string) string {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, file := range files {
		if name, _ := os.Readlink(file); filepath.Dir(name) == store && filepath.Ext(name) == ".part" {
			return name
		}
	}
	return ""
}

// fileTimes returns when each file of a folder was written.
func fileTimes(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	times := map[string]time.Time{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		times[e.Name()] = info.ModTime()
	}
	return times
}

// eventually waits for something. The limit is that of a test that hangs.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within five minutes: %s", what)
		}
	}
}

// slurm is a cluster of one node, this machine, with two processors, whatever it has.
type slurm struct{ dir, conf string }

const slurmConf = `ClusterName=test
SlurmctldHost=HOST(127.0.0.1)
SlurmUser=USER
SlurmdUser=USER
SlurmctldPort=PORT1
SlurmdPort=PORT2
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=DIR/munge.sock
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=DIR/state
SlurmdSpoolDir=DIR/spool
SlurmctldPidFile=DIR/slurmctld.pid
SlurmdPidFile=DIR/slurmd.pid
SlurmctldLogFile=DIR/slurmctld.log
SlurmdLogFile=DIR/slurmd.log
SlurmdParameters=config_overrides
MinJobAge=60000
NodeName=HOST NodeAddr=127.0.0.1 CPUs=2 CoresPerSocket=2 RealMemory=100 State=UNKNOWN
PartitionName=main Nodes=HOST Default=YES MaxTime=60 State=UP
`

// startSlurm starts a Slurm that ends with the test. It skips the test where there is none.
func startSlurm(t *testing.T) slurm {
	t.Helper()
	for _, program := range []string{"munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel", "sinfo"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no Slurm here (apt-get install slurm-wlm munge): %v", err)
		}
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ = strings.Cut(name, ".")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "slurm") // the name of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := slurm{dir, filepath.Join(dir, "slurm.conf")}
	conf := strings.NewReplacer("HOST", name, "USER", me.Username, "DIR", dir, "PORT1", freePort(t), "PORT2", freePort(t)).Replace(slurmConf)
	for file, content := range map[string]string{s.conf: conf, filepath.Join(dir, "key"): strings.Repeat("no secret", 10)} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"state", "spool"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	s.daemon(t, "munged", "--foreground", "--force", "--key-file="+in("key"), "--socket="+in("munge.sock"), "--pid-file="+in("munged.pid"), "--seed-file="+in("seed"))
	eventually(t, "munged listens", func() bool { _, err := os.Stat(in("munge.sock")); return err == nil })
	s.daemon(t, "slurmctld", "-D", "-c")
	s.daemon(t, "slurmd", "-D", "-N", name)
	t.Cleanup(func() { // before the daemons end: their jobs
		eventually(t, "no job is left", func() bool {
			s.command("scancel", "--user="+me.Username).Run()
			out, err := s.command("squeue", "-h").Output()
			return err != nil || len(out) == 0
		})
		if t.Failed() {
			log, _ := os.ReadFile(in("slurmctld.log"))
			t.Logf("slurmctld.log:\n%s", log)
		}
	})
	eventually(t, "the node is idle", func() bool {
		out, err := s.command("sinfo", "-h", "-o", "%T").Output()
		return err == nil && strings.TrimSpace(string(out)) == "idle"
	})
	return s
}

// freePort returns a port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (s slurm) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SLURM_CONF="+s.conf)
	return cmd
}

// daemon starts a program that ends with the test.
func (s slurm) daemon(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := s.command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		err := cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %v\n%s", name, err, out.String())
		}
	})
}

// do runs one of Slurm's programs and returns what it says.
func (s slurm) do(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// sbatch sends docker/sweep.sbatch, with this binary as the command, and returns the job's number.
func (s slurm) sbatch(t *testing.T, env []string, array, name, store string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../docker/sweep.sbatch")
	if err != nil {
		t.Fatal(err)
	}
	home, err := host.Dir() // the job is elsewhere
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command("sbatch", "--parsable", array, "--mem=0", "--chdir="+s.dir, script, program, name, store)
	cmd.Env = slices.Concat(cmd.Env, env, []string{commandEnv + "=1", host.DirEnv + "=" + home})
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sbatch: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// states returns the state of each task of a job.
func (s slurm) states(t *testing.T, job string) map[string]string {
	t.Helper()
	states := map[string]string{}
	for line := range strings.Lines(s.do(t, "squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%K %T")) {
		task, state, _ := strings.Cut(strings.TrimSpace(line), " ")
		states[task] = state
	}
	return states
}

// log returns what a task has written, in all its runs.
func (s slurm) log(t *testing.T, job, task string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "sweep-"+job+"_"+task+".log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// requeue sends a task that has ended back to the queue.
func (s slurm) requeue(t *testing.T, job, task string) {
	t.Helper()
	s.do(t, "scontrol", "requeue", job+"_"+task)
}

// start starts a task in the queue, which would wait there for minutes after it came back. In the very second in which its first run
// was ended, the node would refuse it.
func (s slurm) start(t *testing.T, job, task string) {
	t.Helper()
	eventually(t, "task "+task+" is in the queue", func() bool { return s.states(t, job)[task] == "PENDING" })
	s.do(t, "scontrol", "update", "JobId="+job+"_"+task, "StartTime=now+3")
}
