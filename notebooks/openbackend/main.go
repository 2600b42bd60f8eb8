// Openbackend opens the compute backend, which installs it the first time, and prints what it is. Set-up and doctor run it
// as a program of its own, for compiling it takes as long as compiling GoMLX.
package main

import (
	"fmt"
	"os"

	"batchnorm/bnlib/backend"
)

func main() {
	os.Stderr = os.Stdout // what it says while choosing is part of the answer
	b, err := backend.Open()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(backend.Name(b))
}
