# syntax=docker/dockerfile:1

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Every native part comes prebuilt inside its package: no install script has to run. With its peers, @prisma/client
# would bring TypeScript (31 MB), which only development needs.
RUN npm ci --omit=dev --legacy-peer-deps --ignore-scripts

FROM node:24-slim AS generate
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY prisma prisma
COPY scripts scripts
COPY src src
RUN node scripts/generate.ts

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATABASE_URL=file:/data/videos.db
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=generate /app/src src
COPY package.json LICENSE ./
COPY prisma/migrations prisma/migrations
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=10s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "src/main.ts"]
