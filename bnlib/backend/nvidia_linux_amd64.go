package backend

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gomlx/go-xla/installer"
)

// nvidia is XLA's plugin for NVIDIA GPUs with the libraries it needs: Python packages that go-xla's installer gets from
// pypi.org, in the newest version.
type nvidia struct{}

func (nvidia) name() string { return "pypi.org" }

func (nvidia) fetch(folder string) error {
	// The installer has no limits of time: ask first whether there is somebody to answer.
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Head("https://pypi.org/pypi/jax-cuda13-pjrt/json")
	if err != nil {
		return unreachable(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("https://pypi.org: %s", response.Status)
	}
	// Even when told to be quiet it draws on standard output, which would stay in a notebook.
	if void, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		stdout := os.Stdout
		os.Stdout = void
		defer func() {
			os.Stdout = stdout
			void.Close()
		}()
	}
	return installer.CudaInstall("cuda13", "latest", folder, false, installer.Quiet)
}
