-- DropIndex
DROP INDEX "Task_idempotencyKey_key";

-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "client" TEXT NOT NULL DEFAULT 'local';

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "client" TEXT NOT NULL,
    "scopes" TEXT NOT NULL,
    "submitsPerMinute" INTEGER,
    "secondsPerDay" INTEGER,
    "callsPerDay" INTEGER,
    "createdAt" TIMESTAMP(3) NOT NULL,
    "lastUsedAt" TIMESTAMP(3),
    "revokedAt" TIMESTAMP(3),

    CONSTRAINT "ApiKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Usage" (
    "client" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "minute" TIMESTAMP(3) NOT NULL,
    "submits" INTEGER NOT NULL,
    "day" TIMESTAMP(3) NOT NULL,
    "seconds" INTEGER NOT NULL,
    "calls" INTEGER NOT NULL,

    CONSTRAINT "Usage_pkey" PRIMARY KEY ("client")
);

-- CreateIndex
CREATE UNIQUE INDEX "ApiKey_hash_key" ON "ApiKey"("hash");

-- CreateIndex
CREATE INDEX "Task_client_id_idx" ON "Task"("client", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Task_client_idempotencyKey_key" ON "Task"("client", "idempotencyKey");
