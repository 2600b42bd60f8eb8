package chart_test

import (
	"fmt"
	"math"

	"batchnorm/bnlib"
	"batchnorm/bnlib/chart"
	"batchnorm/bnlib/check"
)

// pair returns two short runs such as bnlib.Compare returns them: at step 0, 500 and 1000.
func pair(without, with [3]float64) []*bnlib.Run {
	var runs []*bnlib.Run
	for i, accuracies := range [][3]float64{without, with} {
		run := &bnlib.Run{Test: accuracies[2], StepsPerSecond: 1250, Lockstep: 2}
		run.Network = bnlib.Article(1).Pair()[i]
		run.Network.Steps = 1000
		for k, accuracy := range accuracies {
			run.Points = append(run.Points, bnlib.Point{Step: 500 * k, Loss: 1 - accuracy, Accuracy: accuracy})
		}
		runs = append(runs, run)
	}
	return runs
}

// A figure is described once and drawn twice: for a notebook, and as a picture.
func ExampleTraining() {
	runs := pair([3]float64{.1134, .3264, .7068}, [3]float64{.1134, .9108, .9406})
	figure := chart.Training(runs...)
	spec, err := figure.VegaLite()
	if err != nil {
		fmt.Println(err)
	}
	picture, err := figure.PNG()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(figure.Title)
	fmt.Println(len(spec) > 0, len(picture) > 0)
	// Output:
	// Experiment 1, validation accuracy after 1000 steps: with batch norm .9406, without .7068
	// true true
}

// The title of a figure says what there is to see in it, divergence included.
func ExampleLoss() {
	runs := pair([3]float64{.1134, .0958, .0958}, [3]float64{.1134, .9108, .9406})
	runs[0].Status, runs[0].DivergedAt = bnlib.Diverged, 3
	runs[0].Points[1].Loss, runs[0].Points[2].Loss = math.NaN(), math.NaN()
	fmt.Println(chart.Loss(runs...).Title)
	// Output:
	// Experiment 1, validation loss after 1000 steps: with batch norm 0.0594, without it diverged at step 3
}

// Small panels, one for each experiment.
func ExampleMultiples() {
	one := pair([3]float64{.1134, .3264, .7068}, [3]float64{.1134, .9108, .9406})
	other := pair([3]float64{.1134, .0958, .0958}, [3]float64{.1134, .8950, .9142})
	for _, run := range other {
		run.Network.Experiment = bnlib.Article(2)
	}
	figure := chart.Multiples([][]*bnlib.Run{one, other})
	fmt.Println(figure.Title)
	for _, p := range figure.Panels {
		fmt.Println(p.Title)
	}
	// Output:
	// Validation accuracy of 2 experiments after 1000 steps: higher with batch norm, by more than 0.01, in 2 of 2
	// 1 · std 0.05, rate 0.01, ReLU
	// 2 · std 0.05, rate 0.01, sigmoid
}

// The article's accuracies beside ours.
func ExampleResults() {
	runs := pair([3]float64{.1134, .3264, .7068}, [3]float64{.1134, .9108, .9406})
	article := bnlib.ArticleReported[1]
	table := chart.Results(runs...).AddColumn("article, test", chart.Accuracies(article.PlainTest, article.BatchNormTest)...)
	fmt.Print(table.Text())
	// Output:
	// | network            | test accuracy | validation accuracy | 90% at step | article, test |   status |
	// | ------------------ | ------------: | ------------------: | ----------: | ------------: | -------: |
	// | without batch norm |         .7068 |               .7068 |       never |         .9746 | finished |
	// | with batch norm    |         .9406 |               .9406 |         500 |         .9801 | finished |
	//
	// Experiment 1 · weights normal(0, 0.05) · learning rate 0.01 · ReLU · minibatches of 60 · seed 1
}

// The article's closing table, with ours over several seeds beside it; bnlib.Study trains them.
func ExampleStudy() {
	study := map[int]bnlib.Replicates{}
	for i, accuracies := range [][3]float64{{.1134, .3264, .7068}, {.1134, .9108, .9406}} {
		runs := pair(accuracies, [3]float64{.1134, .9108, .9406 + .01*float64(i)})
		r := study[1]
		r.Experiment = bnlib.Article(1)
		r.Plain, r.BatchNorm = append(r.Plain, runs[0]), append(r.BatchNorm, runs[1])
		study[1] = r
	}
	fmt.Println(chart.Dots(study).Title)
	for i, cell := range chart.Study(study).Rows[0][:8] {
		fmt.Printf("%s: %s\n", chart.Study(study).Header[i], cell)
	}
	// Output:
	// Test accuracy: in 0 of 1 experiment every seed with batch norm is above every seed without by more than 0.01
	// experiment: 1
	// std: 0.05
	// rate: 0.01
	// activation: ReLU
	// article, without: .9746
	// ours, without: .8237 (.7068 to .9406)
	// article, with: .9801
	// ours, with: .9456 (.9406 to .9506)
}

// Gradients derived by hand against autodiff's.
func ExampleGradients() {
	fmt.Print(chart.Gradients(check.Difference{Name: "gamma", Largest: 2.5, Float64: 4.44e-16, Float32: 2.384e-07}).Text())
	// Output:
	// | gradient of the loss with respect to | largest element | largest difference in float64 | in float32 |
	// | ------------------------------------ | --------------: | ----------------------------: | ---------: |
	// | gamma                                |             2.5 |                       4.4e-16 |    2.4e-07 |
	//
	// by hand and by autodiff
}
