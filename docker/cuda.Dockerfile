# The image of docker/Dockerfile with XLA's plugin for NVIDIA GPUs, which is installed without one:
#
#   docker build -f docker/cuda.Dockerfile -t batchnorm:cuda .
#   docker run --rm --gpus all -p 127.0.0.1:8888:8888 -v "$PWD/work:/home/reader/work" --user "$(id -u)" batchnorm:cuda
#
# It wants a driver for CUDA 13; where there is no GPU it trains on the processor.
ARG CPU=batchnorm:cpu
FROM ${CPU}
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 0
RUN go run ./notebooks/openbackend -install cuda
USER 1000
