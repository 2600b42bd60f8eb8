package data

import "fmt"

// part is one of the four files of a data set.
type part int

const (
	trainImages part = iota
	trainLabels
	testImages
	testLabels
)

func (p part) String() string {
	return [...]string{"training images", "training labels", "test images", "test labels"}[p]
}

// published are the MD5 sums of packed files as they were published, in the order of the parts (torchvision.datasets.mnist has
// the same). The three sets give their files the same names.
var published = map[string][4]string{
	"MNIST": {"f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
		"9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"},
	"Fashion-MNIST": {"8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
		"bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"},
	"KMNIST": {"bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
		"5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134"},
}

// publishedAs returns the set and the part that a packed file with an MD5 sum was published as; "" if it is none of those.
func publishedAs(md5 string) (set string, of part) {
	for name, sums := range published {
		for i, sum := range sums {
			if sum == md5 {
				return name, part(i)
			}
		}
	}
	return "", 0
}

// together returns the name of the set that the four files were published as, "" if one at least was not, and an error for a file
// that is another part than its name says, or of another set than those before it.
func together(files *[4]file) (set string, err error) {
	first, unknown := -1, false
	for i, f := range files {
		name, of := publishedAs(f.md5)
		switch {
		case name == "":
			unknown = true
		case of != part(i):
			return "", &FormatError{File: f.opened, Found: fmt.Sprintf("the %s of %s", of, name), Want: fmt.Sprint(part(i)),
				Hint: "the names of two files are exchanged"}
		case first < 0:
			first, set = i, name
		case name != set:
			return "", &FormatError{File: f.opened, Found: fmt.Sprintf("the %s of %s", of, name),
				Want: fmt.Sprintf("those of %s, as %s holds", set, files[first].opened),
				Hint: "files of two sets, which have the same names, in one folder"}
		}
	}
	if unknown {
		return "", nil
	}
	return set, nil
}
