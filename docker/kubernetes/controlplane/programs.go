package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// controlPlane is etcd, the API server and the controllers of Jobs.
type controlPlane struct {
	client   *kubernetes.Clientset
	programs []*exec.Cmd
}

// startControlPlane builds what is missing, starts it, and returns when the API server is ready. What was started ends with ctx.
func startControlPlane(ctx context.Context, bin, dir string) (*controlPlane, error) {
	p := &controlPlane{}
	for _, name := range []string{"kube-apiserver", "kube-controller-manager"} {
		if err := build(ctx, filepath.Join(bin, name), name); err != nil {
			return p, err
		}
	}
	ports, err := freePorts(4)
	if err != nil {
		return p, err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return p, err
	}
	token := rand.Text()
	address := "https://127.0.0.1:" + ports[2]
	for name, content := range map[string]string{
		"key.pem":    string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"tokens.csv": token + ",admin,1,system:masters\n",
		"kubeconfig": fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": %q, "insecure-skip-tls-verify": true}}],
"users": [{"name": "c", "user": {"token": %q}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}`, address, token),
	} {
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			return p, err
		}
	}
	start := func(name, path string, args ...string) error {
		cmd, err := program(ctx, in(name+".log"), path, args...)
		if err == nil {
			p.programs = append(p.programs, cmd)
		}
		return err
	}
	etcd, peer := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	if err := start("etcd", "etcd", "--data-dir="+in("etcd"), "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer); err != nil {
		return p, fmt.Errorf("%w (Debian's package etcd-server has it)", err)
	}
	if err := start("apiserver", filepath.Join(bin, "kube-apiserver"), "--etcd-servers="+etcd, "--bind-address=127.0.0.1", "--secure-port="+ports[2],
		"--cert-dir="+in("certificates"), "--token-auth-file="+in("tokens.csv"), "--service-account-issuer="+address,
		"--service-account-key-file="+in("key.pem"), "--service-account-signing-key-file="+in("key.pem"),
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"); err != nil {
		return p, err
	}
	if err := start("controllers", filepath.Join(bin, "kube-controller-manager"), "--kubeconfig="+in("kubeconfig"), "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port="+ports[3], "--service-account-private-key-file="+in("key.pem"),
		"--controllers=job-controller,serviceaccount-controller,ttl-after-finished-controller"); err != nil {
		return p, err
	}
	p.client, err = kubernetes.NewForConfig(&rest.Config{Host: address, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	if err != nil {
		return p, err
	}
	for begun := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		_, err := p.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		if err == nil {
			version, err := p.client.ServerVersion()
			if err == nil {
				fmt.Printf("Kubernetes %s is up after %s\n", version.GitVersion, time.Since(begun).Round(100*time.Millisecond))
			}
			return p, err
		}
		if time.Since(begun) > 3*time.Minute || ctx.Err() != nil {
			for _, name := range []string{"etcd", "apiserver", "controllers"} {
				log, _ := os.ReadFile(in(name + ".log"))
				fmt.Fprintf(os.Stderr, "%s:\n%s\n", name, log[max(0, len(log)-2000):])
			}
			return p, fmt.Errorf("the API server does not answer: %w", err)
		}
	}
}

// freePorts returns n ports that nothing listens on.
func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // not before there are n, which differ then
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}

// build builds a program of the Kubernetes that this module requires, unless it is there.
func build(ctx context.Context, path, name string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "k8s.io/kubernetes" {
				version = m.Version
			}
		}
	}
	fmt.Printf("building %s %s\n", name, version)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "-ldflags=-s -w -X k8s.io/component-base/version.gitVersion="+version, "k8s.io/kubernetes/cmd/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// wait returns when all programs have ended.
func (p *controlPlane) wait() {
	for _, cmd := range p.programs {
		cmd.Wait()
	}
}
