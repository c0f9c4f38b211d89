# weir as an image: docker build -t weir .
# Two stages: the first builds, the second has Node, the built program and its data, and nothing else.

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/copy-page.mjs scripts/make-executable.mjs scripts/prepare-databases.mjs scripts/
COPY data data
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22-bookworm-slim
LABEL org.opencontainers.image.title="weir" \
      org.opencontainers.image.description="Network flow ingest for Elasticsearch 7: NetFlow v5/v9, IPFIX, sFlow" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
# package.json and package-lock.json stay: tools that list what an image contains read them.
COPY --from=build /app/package.json /app/package-lock.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/data /app/data
COPY --from=build /app/dist /app/dist
COPY LICENSE NOTICE /app/
COPY index-templates /app/index-templates
COPY kibana-saved-objects /app/kibana-saved-objects
COPY pipelines /app/pipelines
# What weir writes (templates of exporters, the spool) lies under /var/lib/weir; nothing else needs to be writable.
RUN ln -s /app/dist/app/main.js /usr/local/bin/weir \
 && groupadd --gid 10001 weir \
 && useradd --uid 10001 --gid weir --no-create-home --home-dir /var/lib/weir --shell /usr/sbin/nologin weir \
 && install -d -o weir -g weir -m 0750 /var/lib/weir
USER 10001:10001
WORKDIR /var/lib/weir
VOLUME /var/lib/weir
EXPOSE 2055/udp 4739/udp 6343/udp 9995/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["weir", "healthcheck"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "/app/dist/app/main.js"]
CMD ["run"]
