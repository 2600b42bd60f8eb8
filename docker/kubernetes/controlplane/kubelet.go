package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// kubelet runs pods with podman: the first container of each, with what the pod says of its user, its rights, its environment and
// its volumes, and without a network. A volume claim is the store's folder.
type kubelet struct {
	client *kubernetes.Clientset
	podman []string
	store  string

	mutex  sync.Mutex       // guards what follows
	faults map[string]fault // what the next pod of an index meets, by JOB-INDEX
	begun  map[string]bool  // pods, by their names

	work sync.WaitGroup
}

// fault is what ends a pod in the middle of its training: SIGTERM, for which nobody is to blame where it has to give way to another.
type fault string

const (
	stopped fault = "stopped"
	evicted fault = "evicted"
)

func (k *kubelet) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, k.podman[0], slices.Concat(k.podman[1:], args)...)
}

// loop runs every pod that nobody has run yet.
func (k *kubelet) loop(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		pods, err := k.client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, pod := range pods.Items {
			if pod.Status.Phase != corev1.PodPending || pod.DeletionTimestamp != nil {
				continue
			}
			index := pod.Labels[batchv1.JobNameLabel] + "-" + pod.Annotations[batchv1.JobCompletionIndexAnnotation]
			k.mutex.Lock()
			known, meets := k.begun[pod.Name], k.faults[index]
			if !known {
				k.begun[pod.Name] = true
				delete(k.faults, index)
			}
			k.mutex.Unlock()
			if known {
				continue
			}
			k.work.Go(func() {
				if err := k.run(ctx, pod, meets); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "kubelet:", err)
				}
			})
		}
	}
}

// pods returns how many pods of an index have begun.
func (k *kubelet) pods(index string) int {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	n := 0
	for name := range maps.Keys(k.begun) {
		if strings.HasPrefix(name, index+"-") {
			n++
		}
	}
	return n
}

// run runs a pod to its end and reports its exit code.
func (k *kubelet) run(ctx context.Context, pod corev1.Pod, meets fault) error {
	status := corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: time.Now()}}
	if err := k.report(ctx, pod, status); err != nil {
		return err
	}
	cmd := k.command(ctx, arguments(pod, k.store)...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	k.work.Go(func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Printf("  %s | %s\n", pod.Name, lines.Text())
			if meets != "" && strings.Contains(lines.Text(), "trains the others") {
				k.command(ctx, "kill", "--signal", "TERM", pod.Name).Run()
			}
		}
	})
	cmd.Wait()
	in.Close()
	<-ended
	if ctx.Err() != nil {
		return ctx.Err()
	}
	code := int32(cmd.ProcessState.ExitCode())
	fmt.Printf("  %s: exit code %d\n", pod.Name, code)
	status.Phase = corev1.PodSucceeded
	if code != 0 {
		status.Phase = corev1.PodFailed
	}
	if meets == evicted {
		status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "PreemptionByScheduler"}}
	}
	container := pod.Spec.Containers[0]
	status.ContainerStatuses = []corev1.ContainerStatus{{Name: container.Name, Image: container.Image, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, FinishedAt: metav1.Now()}}}}
	return k.report(ctx, pod, status)
}

// report writes a pod's status.
func (k *kubelet) report(ctx context.Context, pod corev1.Pod, status corev1.PodStatus) error {
	pods := k.client.CoreV1().Pods(pod.Namespace)
	now, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
	if err == nil {
		now.Status = status
		_, err = pods.UpdateStatus(ctx, now, metav1.UpdateOptions{})
	}
	return err
}

// arguments are podman's for a pod.
func arguments(pod corev1.Pod, store string) []string {
	container, security := pod.Spec.Containers[0], pod.Spec.SecurityContext
	args := []string{"run", "--rm", "--name", pod.Name, "--runtime", "runc", "--network", "none",
		"--user", fmt.Sprintf("%d:%d", *security.RunAsUser, *security.RunAsGroup), "--entrypoint", container.Command[0]}
	if *container.SecurityContext.ReadOnlyRootFilesystem {
		args = append(args, "--read-only", "--read-only-tmpfs=false")
	}
	for _, capability := range container.SecurityContext.Capabilities.Drop {
		args = append(args, "--cap-drop", strings.ToLower(string(capability)))
	}
	if !*container.SecurityContext.AllowPrivilegeEscalation {
		args = append(args, "--security-opt", "no-new-privileges")
	}
	for _, variable := range container.Env {
		value := variable.Value
		if variable.ValueFrom != nil { // JOB_COMPLETION_INDEX
			value = pod.Annotations[batchv1.JobCompletionIndexAnnotation]
		}
		args = append(args, "--env", variable.Name+"="+value)
	}
	for _, mount := range container.VolumeMounts {
		for _, volume := range pod.Spec.Volumes {
			switch {
			case volume.Name != mount.Name:
			case volume.PersistentVolumeClaim != nil:
				args = append(args, "--volume", store+":"+mount.MountPath)
			case volume.EmptyDir != nil:
				args = append(args, "--tmpfs", mount.MountPath)
			}
		}
	}
	return slices.Concat(args, []string{container.Image}, container.Command[1:], container.Args)
}
