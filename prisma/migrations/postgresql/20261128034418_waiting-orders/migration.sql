-- AlterTable
ALTER TABLE "ApiKey" ADD COLUMN     "maxOpen" INTEGER;

-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "account" TEXT,
ADD COLUMN     "maxOpen" INTEGER,
ADD COLUMN     "refusalCount" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "refusedAt" TIMESTAMP(3),
ADD COLUMN     "sendAttempt" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "startBefore" TIMESTAMP(3),
ADD COLUMN     "turn" INTEGER,
ADD COLUMN     "waitsFor" TEXT,
ADD COLUMN     "whenBusy" TEXT NOT NULL DEFAULT 'FAIL';

-- CreateTable
CREATE TABLE "UpstreamAccount" (
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "pausedAt" TIMESTAMP(3),
    "blockedBy" TEXT,
    "blockedUntil" TIMESTAMP(3),
    "refusals" INTEGER NOT NULL,
    "takenAt" TIMESTAMP(3),
    "sendingUntil" TIMESTAMP(3),
    "lastTurn" INTEGER NOT NULL,
    "recentSends" JSONB NOT NULL,

    CONSTRAINT "UpstreamAccount_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "Task_turn_id_idx" ON "Task"("turn", "id");

-- CreateIndex
CREATE INDEX "Task_client_turn_idx" ON "Task"("client", "turn");

-- CreateIndex
CREATE INDEX "Task_status_startBefore_idx" ON "Task"("status", "startBefore");
