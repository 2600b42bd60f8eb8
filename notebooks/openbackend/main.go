// Openbackend opens the compute backend, which installs it the first time, and prints what it is. Set-up and doctor run it
// as a program of its own, for compiling it takes as long as compiling GoMLX. With -again it installs
// what could not be installed lately. With -install cuda it installs the plugin for NVIDIA GPUs, and opens nothing: an image is made on
// a machine without one.
package main

import (
	"flag"
	"fmt"
	"os"

	"batchnorm/bnlib/backend"
)

func main() {
	install := flag.String("install", "", "`cuda`: only install the plugin for NVIDIA GPUs")
	again := flag.Bool("again", false, "install even if that failed a moment ago")
	flag.Parse()
	if *again {
		backend.TryAgain()
	}
	os.Stderr = os.Stdout // what it says while choosing is part of the answer
	answer, err := "", error(nil)
	switch *install {
	case "":
		answer, err = open()
	case "cuda":
		answer, err = backend.InstallCUDA()
	default:
		err = fmt.Errorf("-install is %q; allowed: cuda", *install)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

// open opens the backend and returns its name.
func open() (string, error) {
	b, err := backend.Open()
	if err != nil {
		return "", err
	}
	return backend.Name(b), nil
}
