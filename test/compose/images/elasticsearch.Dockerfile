FROM debian:bookworm-slim
RUN apt-get update -qq && mkdir -p /usr/share/man/man1 && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 1000 --no-create-home elasticsearch && install -d -o elasticsearch /usr/share/elasticsearch /usr/share/elasticsearch/data
COPY lib /usr/share/elasticsearch/jars
COPY classes /usr/share/elasticsearch/classes
COPY elasticsearch-entrypoint.sh /entrypoint.sh
USER elasticsearch
WORKDIR /usr/share/elasticsearch
VOLUME /usr/share/elasticsearch/data
EXPOSE 9200
ENTRYPOINT ["/entrypoint.sh"]
