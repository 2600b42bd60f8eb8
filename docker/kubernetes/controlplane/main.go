// Controlplane runs docker/job.yaml on Kubernetes' own control plane, with podman as the kubelet: etcd, the API server and the
// controllers that make a Job's pods, each a process on 127.0.0.1, which end with the program. It needs etcd (Debian's
// etcd-server), podman and the image, and builds the rest the first time, which takes a quarter of an hour.
//
//	go -C docker/kubernetes run ./controlplane -image localhost/batchnorm:cpu
//
// Three Jobs train the sweep try into one folder. The first is job.yaml as it is, but for the sweep's name: one of its pods is
// stopped in the middle, which is tried again, and one gives way to another, which nobody counts. Its second run trains nothing. The
// last has a mistake, an index more than there are shares: that index fails and is not tried again, the others complete.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	manifest "batchnorm/docker/kubernetes"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func main() {
	image := flag.String("image", "batchnorm:cpu", "the `image` to run")
	podman := flag.String("podman", "podman", "`command` that takes podman's arguments")
	bin := flag.String("bin", "", "`folder` for the control plane's programs (default: in the user's cache)")
	keep := flag.String("store", "", "`folder` for the runs (default: one that goes)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, *image, strings.Fields(*podman), *bin, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, image string, podman []string, bin, store string) error {
	text, err := os.ReadFile("../job.yaml")
	if err != nil {
		return fmt.Errorf("%w (start it with go -C docker/kubernetes run ./controlplane)", err)
	}
	dir, err := os.MkdirTemp("", "kubernetes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if bin == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		bin = filepath.Join(cache, "batchnorm-kubernetes")
	}
	if store == "" {
		store = filepath.Join(dir, "store")
	}
	if store, err = filepath.Abs(store); err != nil {
		return err
	}
	if err := os.MkdirAll(store, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(store, 0o777); err != nil { // as fsGroup makes a volume the pods' own
		return err
	}
	ctx, end := context.WithCancel(ctx)
	plane, err := startControlPlane(ctx, bin, dir)
	defer func() { end(); plane.wait() }()
	if err != nil {
		return err
	}
	k := &kubelet{client: plane.client, podman: podman, store: store, begun: map[string]bool{},
		faults: map[string]fault{"first-2": stopped, "first-5": evicted}}
	defer k.work.Wait()
	defer end()
	go k.loop(ctx)

	job := func(name string) (*batchv1.Job, error) {
		job, err := manifest.Job(text)
		if err != nil {
			return nil, err
		}
		job.Name = name
		container := &job.Spec.Template.Spec.Containers[0]
		container.Image, container.Args[0] = image, "try"
		return job, nil
	}
	first, err := job("first")
	if err != nil {
		return err
	}
	done, err := complete(ctx, plane.client, first)
	if err != nil {
		return err
	}
	if err := expect(done, "0-7", ""); err != nil {
		return err
	}
	if stopped, evicted := k.pods("first-2"), k.pods("first-5"); stopped != 2 || evicted != 2 || done.Status.Failed != 1 {
		return fmt.Errorf("pods of the index that was stopped: %d, of the one that gave way: %d, counted as failed: %d; want 2, 2 and 1",
			stopped, evicted, done.Status.Failed)
	}
	second, err := job("second")
	if err != nil {
		return err
	}
	if done, err = complete(ctx, plane.client, second); err != nil {
		return err
	}
	if err := expect(done, "0-7", ""); err != nil {
		return err
	}
	mistaken, err := job("mistaken")
	if err != nil {
		return err
	}
	for i := range mistaken.Spec.Template.Spec.Containers[0].Env {
		if variable := &mistaken.Spec.Template.Spec.Containers[0].Env[i]; variable.Name == "BATCHNORM_SHARDS" {
			variable.Value = "7"
		}
	}
	if done, err = complete(ctx, plane.client, mistaken); err != nil {
		return err
	}
	if err := expect(done, "0-6", "7"); err != nil {
		return err
	}
	if n := k.pods("mistaken-7"); n != 1 {
		return fmt.Errorf("the index that made a mistake was tried %d times, want once", n)
	}
	missing := k.command(ctx, "run", "--rm", "--runtime", "runc", "--network", "none", "-v", store+":/store", image,
		"/usr/local/bin/batchnorm-sweep", "try", "-store", "/store", "-missing")
	missing.Stdout, missing.Stderr = os.Stdout, os.Stderr
	return missing.Run()
}

// complete creates a Job and waits until it is complete or has failed.
func complete(ctx context.Context, client *kubernetes.Clientset, job *batchv1.Job) (*batchv1.Job, error) {
	jobs := client.BatchV1().Jobs("default")
	if _, err := jobs.Create(ctx, job, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); err != nil {
		return nil, err
	}
	begun := time.Now()
	for ctx.Err() == nil {
		now, err := jobs.Get(ctx, job.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		for _, c := range now.Status.Conditions {
			if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
				failed := ""
				if now.Status.FailedIndexes != nil {
					failed = *now.Status.FailedIndexes
				}
				fmt.Printf("job %s: %s after %s; completed indexes %q, failed indexes %q; pods: %d succeeded, %d failed\n", now.Name, c.Type,
					time.Since(begun).Round(time.Second), now.Status.CompletedIndexes, failed, now.Status.Succeeded, now.Status.Failed)
				return now, nil
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil, ctx.Err()
}

func expect(job *batchv1.Job, completed, failed string) error {
	found := ""
	if job.Status.FailedIndexes != nil {
		found = *job.Status.FailedIndexes
	}
	if job.Status.CompletedIndexes != completed || found != failed {
		return fmt.Errorf("job %s: completed indexes %q, failed indexes %q; want %q, %q", job.Name, job.Status.CompletedIndexes, found, completed, failed)
	}
	return nil
}

// program starts a program that is killed when ctx ends: it keeps nothing.
func program(ctx context.Context, log string, name string, args ...string) (*exec.Cmd, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, cmd.Start()
}
