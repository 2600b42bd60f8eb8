package probe

// For the tests that train networks, which are outside the package.
type ActivationKind = activationKind

const (
	NoActivation      = noActivation
	SigmoidActivation = sigmoidActivation
	ReluActivation    = reluActivation
)

var SummarizeSorted = summarizeSorted

var AcrossImages = acrossImagesPlainly
