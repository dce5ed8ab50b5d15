-- AlterTable
ALTER TABLE "ApiKey" ADD COLUMN "maxOpen" INTEGER;

-- CreateTable
CREATE TABLE "UpstreamAccount" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "version" INTEGER NOT NULL,
    "pausedAt" DATETIME,
    "blockedBy" TEXT,
    "blockedUntil" DATETIME,
    "refusals" INTEGER NOT NULL,
    "takenAt" DATETIME,
    "sendingUntil" DATETIME,
    "lastTurn" INTEGER NOT NULL,
    "recentSends" JSONB NOT NULL
);

-- AlterTable
ALTER TABLE "Task" ADD COLUMN "turn" INTEGER;
ALTER TABLE "Task" ADD COLUMN "waitsFor" TEXT;
ALTER TABLE "Task" ADD COLUMN "sendAttempt" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "Task" ADD COLUMN "refusalCount" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "Task" ADD COLUMN "refusedAt" DATETIME;
ALTER TABLE "Task" ADD COLUMN "account" TEXT;
ALTER TABLE "Task" ADD COLUMN "whenBusy" TEXT NOT NULL DEFAULT 'FAIL';
ALTER TABLE "Task" ADD COLUMN "startBefore" DATETIME;
ALTER TABLE "Task" ADD COLUMN "maxOpen" INTEGER;

-- CreateIndex
CREATE INDEX "Task_turn_id_idx" ON "Task"("turn", "id");

-- CreateIndex
CREATE INDEX "Task_client_turn_idx" ON "Task"("client", "turn");

-- CreateIndex
CREATE INDEX "Task_status_startBefore_idx" ON "Task"("status", "startBefore");
