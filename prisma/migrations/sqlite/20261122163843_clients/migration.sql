-- DropIndex
DROP INDEX "Task_idempotencyKey_key";

-- AlterTable: by hand, because the engine would have copied the whole table.
ALTER TABLE "Task" ADD COLUMN "client" TEXT NOT NULL DEFAULT 'local';

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "hash" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "scopes" TEXT NOT NULL,
    "submitsPerMinute" INTEGER,
    "secondsPerDay" INTEGER,
    "callsPerDay" INTEGER,
    "createdAt" DATETIME NOT NULL,
    "lastUsedAt" DATETIME,
    "revokedAt" DATETIME
);

-- CreateTable
CREATE TABLE "Usage" (
    "client" TEXT NOT NULL PRIMARY KEY,
    "version" INTEGER NOT NULL,
    "minute" DATETIME NOT NULL,
    "submits" INTEGER NOT NULL,
    "day" DATETIME NOT NULL,
    "seconds" INTEGER NOT NULL,
    "calls" INTEGER NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "ApiKey_hash_key" ON "ApiKey"("hash");

-- CreateIndex
CREATE INDEX "Task_client_id_idx" ON "Task"("client", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Task_client_idempotencyKey_key" ON "Task"("client", "idempotencyKey");
