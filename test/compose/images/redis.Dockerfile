FROM debian:bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server >/dev/null && rm -rf /var/lib/apt/lists/* && install -d -o redis /data
USER redis
WORKDIR /data
VOLUME /data
CMD ["redis-server"]
