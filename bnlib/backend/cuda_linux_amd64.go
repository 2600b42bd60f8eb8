package backend

import "github.com/gomlx/go-xla/installer"

// installCUDA puts XLA's plugin for NVIDIA GPUs, and the libraries it needs, into folder.
func installCUDA(folder string) error {
	return installer.CudaInstall("cuda13", "latest", folder, false, installer.Quiet)
}
