-- AlterTable: by hand, because the engine would have copied the whole table.
ALTER TABLE "Task" DROP COLUMN "notFoundCount";
ALTER TABLE "Task" ADD COLUMN "failureRetryAfterSeconds" INTEGER;
ALTER TABLE "Task" ADD COLUMN "mode" TEXT NOT NULL DEFAULT 'TEXT_TO_VIDEO';
ALTER TABLE "Task" ADD COLUMN "repeatedAnswer" TEXT;
ALTER TABLE "Task" ADD COLUMN "repeatedAnswerCount" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "Task" ADD COLUMN "videoExpiresAt" DATETIME;

-- What was only in the images until now.
UPDATE "Task" SET "mode" = 'IMAGE_TO_VIDEO' WHERE json_array_length("referenceImages") > 0;
